import { strict as assert } from "node:assert";
import { findReleaseSource, formatForSuite, parseDeb822, parseOneLine } from "./apt_sources.ts";

const DEB822 = `Types: deb
# a comment between fields
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://old.example/debian
Suites: bookworm
Components: main
`;

Deno.test("parseDeb822() reads paragraphs, skips comments and disabled ones", () => {
  const sources = parseDeb822(DEB822);
  assert.equal(sources.length, 2);
  assert.deepEqual(sources[0], {
    types: ["deb"],
    uris: ["http://mirror.example/debian"],
    suites: ["bookworm", "bookworm-updates"],
    components: ["main"],
    options: { "signed-by": "/usr/share/keyrings/archive.gpg" },
  });
});

Deno.test("parseDeb822() leaves out a key written into the file", () => {
  const [source] = parseDeb822(
    "Types: deb\nURIs: http://m.example\nSuites: sid\nComponents: main\n" +
      "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n",
  );
  assert.deepEqual(source.options, {});
});

Deno.test("parseOneLine() reads options, several components and comments", () => {
  const sources = parseOneLine(
    "# deb http://no.example/debian sid main\n" +
      "deb [arch=amd64 signed-by=/k.gpg] http://m.example/debian bookworm main contrib # why\n" +
      "deb-src http://m.example/debian bookworm main\n",
  );
  assert.equal(sources.length, 2);
  assert.deepEqual(sources[0].components, ["main", "contrib"]);
  assert.deepEqual(sources[0].options, { "signed-by": "/k.gpg" });
  assert.deepEqual(sources[1].types, ["deb-src"]);
});

Deno.test("findReleaseSource() takes the mirror of the release, not of security", () => {
  const sources = parseDeb822(DEB822).reverse();
  const found = findReleaseSource(sources, "bookworm");
  assert.equal(found?.uris[0], "http://mirror.example/debian");
  assert.equal(findReleaseSource([], "bookworm"), undefined);
});

Deno.test("formatForSuite() changes only the suite", () => {
  const [source] = parseDeb822(DEB822);
  assert.equal(
    formatForSuite(source, "sid"),
    "deb [signed-by=/usr/share/keyrings/archive.gpg] http://mirror.example/debian sid main\n",
  );
});
