/** Pages: vital product data, mode, log. */
import { logPages } from "../../src/scsi/spc/log_pages.ts";
import { modePages } from "../../src/scsi/spc/mode_pages.ts";
import { vitalProductPages } from "../../src/scsi/spc/vpd.ts";
import { hex, table } from "./markdown.ts";

export function vitalProductTable(): string {
  return table(["Page", "Title"], vitalProductPages.map(({ code, title }) => [hex(code), title]));
}

export function modeTable(): string {
  return table(
    ["Page", "Title", "Changeable and saved"],
    modePages.map(({ pageCode, subpageCode, title, changeable }) => [
      subpageCode === 0 ? hex(pageCode) : `${hex(pageCode)}/${hex(subpageCode)}`,
      title,
      changeable === "" ? "nothing" : changeable,
    ]),
  );
}

export function logTable(): string {
  const pages = logPages.map(({ pageCode, title, counters }) => [
    hex(pageCode),
    title,
    counters ? "counters; LOG SELECT resets them" : "a list; nothing can be changed",
  ]);
  return table(["Page", "Title", "Parameters"], [[hex(0), "Supported Log Pages", ""], ...pages]);
}
