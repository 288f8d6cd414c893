import assert from "node:assert/strict";
import fc from "fast-check";
import { PresentPages } from "./present_pages.ts";

const PAGE = 4096;
const PAGES = 40;

Deno.test("PresentPages agrees with a list of pages, whatever is written and given back", () => {
  const step = fc.record({
    write: fc.boolean(),
    offset: fc.nat(PAGES * PAGE - 1),
    length: fc.integer({ min: 1, max: 6 * PAGE }),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const pages = new PresentPages(PAGES * PAGE, [
      { offset: 0, length: 3 * PAGE, mapped: true },
      { offset: 3 * PAGE, length: (PAGES - 3) * PAGE, mapped: false },
    ]);
    const model = Array.from({ length: PAGES }, (_, index) => index < 3);
    for (const { write, offset, length } of steps) {
      const end = Math.min(offset + length, PAGES * PAGE);
      if (write) {
        pages.add(offset, end - offset);
        for (let page = Math.floor(offset / PAGE); page * PAGE < end; page++) model[page] = true;
      } else {
        pages.remove(offset, end - offset);
        for (let page = Math.ceil(offset / PAGE); (page + 1) * PAGE <= end; page++) {
          model[page] = false;
        }
      }
      const touched = model.filter((_, page) => page * PAGE < end && (page + 1) * PAGE > offset);
      assert.equal(pages.has(offset, end - offset), touched.every((present) => present));
    }
    let at = 0;
    while (at < PAGES * PAGE) {
      const { length, present } = pages.run(at, PAGES * PAGE - at);
      assert.ok(length > 0);
      for (let page = at / PAGE; page * PAGE < at + length; page++) {
        assert.equal(model[page], present, `page ${page}`);
      }
      at += length;
    }
  }));
});

Deno.test("PresentPages of a very large memory stays small, and takes whole units", () => {
  const size = 2 ** 50;
  const pages = new PresentPages(size, []);
  pages.add(size - 512, 512);
  assert.equal(pages.has(size - 512, 512), true);
  assert.equal(pages.has(0, 512), false);
  pages.remove(size - 4096, 4096);
  assert.equal(pages.has(size - 512, 512), true, "half a unit was given back");
});
