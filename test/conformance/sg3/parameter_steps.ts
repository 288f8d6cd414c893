/** sg_modes, sg_wr_mode, sg_logs: mode parameters and log pages. */
import { CODE, type Step } from "./step.ts";

const mode = (test: string, options: string, shows: RegExp[]): Step => ({
  tool: "sg_modes",
  test,
  run: ({ disk }) => `sg_modes ${options} ${disk}`,
  shows,
});

const log = (page: string, test: string, shows: RegExp[]): Step => ({
  tool: "sg_logs",
  test,
  run: ({ disk }) => `sg_logs -p ${page} ${disk}`,
  shows,
});

export const parameterSteps: readonly Step[] = [
  mode("all pages, 10-byte command", "-a", [
    /DpoFua=1/,
    /Caching/,
    /Control/,
    /Informational exceptions control/,
  ]),
  mode("all pages, 6-byte command", "-6 -a", [/Caching/, /Control/]),
  mode("changeable values", "-p 0x0a -c 1", [/page_control: changeable/]),
  mode("default values", "-p 0x08 -c 2", [/page_control: default/]),
  mode("saved values", "-p 0x0a -c 3", [/page_control: saved/]),
  {
    tool: "sg_modes",
    test: "an unknown page is refused",
    run: ({ disk }) => `sg_modes -p 0x2e ${disk}`,
    code: CODE.illegalRequest,
  },
  {
    tool: "sg_wr_mode",
    test: "D_SENSE is changed and changed back",
    run: ({ disk }) =>
      `write() {
         sg_wr_mode -p 0x0a --mask=0,0,4,0,0,0,0,0,0,0,0,0 --contents=a,a,$1,0,0,0,0,0,0,0,0,0 ${disk}
       }
       sg_modes -p 0x0a ${disk}
       write 6; echo changed; sg_modes -p 0x0a ${disk}
       sg_turs ${disk} || sg_turs ${disk}
       write 2; echo back; sg_modes -p 0x0a ${disk}`,
    shows: [/ 00 +8a 0a 02[^]*changed[^]* 00 +8a 0a 06[^]*back[^]* 00 +8a 0a 02/],
  },
  log("0x00", "supported pages", [/0x0c/, /0x0d/, /0x0e/, /0x19/, /0x2f/]),
  log("0x0c", "logical block provisioning: what is used, what is there", [
    /Logical block provisioning page/,
  ]),
  log("0x0d", "temperature", [/Current temperature/]),
  log("0x0e", "start-stop cycles", [/start-stop cycles/]),
  log("0x2f", "informational exceptions", [/IE asc = 0x0, ascq = 0x0/]),
  {
    tool: "sg_logs",
    test: "general statistics count reads and writes",
    run: ({ disk }) =>
      `count() { sg_logs -p 0x19 ${disk} | sed -n "s/ *number of $1 commands = //p"; }
       reads=$(count read); writes=$(count write)
       dd if=${disk} of=/dev/null bs=4096 count=3 iflag=direct 2>/dev/null
       dd if=/dev/zero of=${disk} bs=4096 count=2 oflag=direct 2>/dev/null
       echo reads $(($(count read) - reads)) writes $(($(count write) - writes))`,
    shows: [/^reads 3 writes 2$/m],
  },
  {
    tool: "sg_logs",
    test: "an unknown page is refused",
    run: ({ disk }) => `sg_logs -p 0x3e ${disk}`,
    code: CODE.illegalRequest,
  },
];
