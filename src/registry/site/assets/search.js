// Search over the packages of an index: no document here, so that it can be tested by itself.
(() => {
  /**
   * One package: id, version, description, slug of the category, its name, publisher, date (RFC 3339),
   * reaches, whether it is revoked.
   *
   * @typedef {[string, string, string, string, string, string, string, string[], boolean]} Entry
   * @typedef {{ entry: Entry, id: string, id_words: string[], words: string[], text: string }} Prepared
   */
  const QUERY_LENGTH_MAX = 100;
  const TOKEN_COUNT_MAX = 8;
  const FUZZY_LENGTH_MIN = 4;
  const TWO_ERRORS_LENGTH_MIN = 8;
  const FUZZY_SCORE_MAX = 6;

  /** Lower case, without accents. @param {string} text */
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  /** @param {string} text */
  const wordsOf = (text) => text.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");

  /** @param {Entry[]} entries @returns {Prepared[]} */
  function prepare(entries) {
    return entries.map((entry) => {
      const [id, , description, , category, publisher, , reaches, revoked] = entry;
      const text = plain([description, category, publisher, ...reaches].join(" "));
      const words = [...new Set(wordsOf(text + (revoked ? " revoked" : "")))];
      return { entry, id: plain(id), id_words: wordsOf(plain(id)), words, text };
    });
  }

  /**
   * Whether two words differ by so many letters at most: added, left out, changed, or two swapped
   * (optimal string alignment). @param {string} a @param {string} b @param {number} limit
   */
  function isNear(a, b, limit) {
    if (Math.abs(a.length - b.length) > limit) return false;
    let before = [];
    let last = Array.from({ length: b.length + 1 }, (_, index) => index);
    for (let i = 1; i <= a.length; i++) {
      const row = [i];
      for (let j = 1; j <= b.length; j++) {
        const cost = a[i - 1] === b[j - 1] ? 0 : 1;
        row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost);
        if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
          row[j] = Math.min(row[j], before[j - 2] + 1);
        }
      }
      before = last;
      last = row;
    }
    return last[b.length] <= limit;
  }

  /** With a slip of the finger, also in the beginning of a word. @param {string} token */
  function fuzzyTest(token) {
    if (token.length < FUZZY_LENGTH_MIN) return () => false;
    const limit = token.length < TWO_ERRORS_LENGTH_MIN ? 1 : 2;
    /** @param {string} word */
    return (word) =>
      isNear(token, word, limit) || isNear(token, word.slice(0, token.length), limit);
  }

  /** How well a word of the query fits; 0: not at all. @param {string} token @param {Prepared} one */
  function score(token, { id, id_words, words, text }) {
    /** @param {string} word */
    const begins = (word) => word.startsWith(token);
    if (id === token) return 100;
    if (id.startsWith(token)) return 60;
    if (id_words.some(begins)) return 50;
    if (id.includes(token)) return 30;
    if (words.some(begins)) return 20;
    if (text.includes(token)) return 8;
    const near = fuzzyTest(token);
    if (id_words.some(near)) return FUZZY_SCORE_MAX;
    return words.some(near) ? 3 : 0;
  }

  /**
   * The packages that fit all words of a query, best first, then newest.
   *
   * @param {Prepared[]} prepared @param {string} query @param {string} category slug; empty: any
   * @returns {Entry[]}
   */
  function search(prepared, query, category) {
    const tokens = plain(query.slice(0, QUERY_LENGTH_MAX)).split(/\s+/).filter((one) => one !== "")
      .slice(0, TOKEN_COUNT_MAX);
    const found = [];
    for (const one of prepared) {
      if (category !== "" && one.entry[3] !== category) continue;
      const scores = tokens.map((token) => score(token, one));
      if (scores.includes(0)) continue;
      const total = scores.reduce((sum, value) => sum + value, 0);
      found.push({
        entry: one.entry,
        total,
        exact: scores.every((value) => value > FUZZY_SCORE_MAX),
      });
    }
    // Slips of the finger are forgiven only where nothing fits without.
    const exact = found.filter((one) => one.exact);
    const shown = exact.length > 0 ? exact : found;
    shown.sort((a, b) => b.total - a.total || (a.entry[6] < b.entry[6] ? 1 : -1));
    return shown.map(({ entry }) => entry);
  }

  globalThis.lunetteSearch = { prepare, search };
})();
