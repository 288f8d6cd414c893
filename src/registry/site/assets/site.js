// What the pages do beyond being read: search, copying, the theme. Text is put in as text, always.
(() => {
  const root = document.documentElement;
  const SHOWN_COUNT_MAX = 60;
  const SEARCH_DELAY_MS = 80;

  function setUpTheme() {
    const button = document.querySelector("[data-theme-toggle]");
    const system = matchMedia("(prefers-color-scheme: dark)");
    const isDark = () =>
      root.dataset.theme === undefined ? system.matches : root.dataset.theme === "dark";
    const show = () => button.setAttribute("aria-pressed", String(isDark()));
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      try {
        localStorage.setItem("lunette-theme", root.dataset.theme);
      } catch {
        // It lasts as long as the page.
      }
      show();
    });
    system.addEventListener("change", show);
    show();
  }

  async function copy(button) {
    const text = button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // No clipboard here: what is to be copied is selected instead.
      const range = document.createRange();
      range.selectNodeContents(button.parentElement.querySelector("code"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      return "Selected";
    }
    return "Copied";
  }

  function setUpCopying() {
    for (const button of document.querySelectorAll("[data-copy]")) {
      const status = document.createElement("span");
      status.className = "visually-hidden";
      status.setAttribute("role", "status");
      button.after(status);
      button.addEventListener("click", async () => {
        button.textContent = status.textContent = await copy(button);
        setTimeout(() => {
          button.textContent = "Copy";
          status.textContent = "";
        }, 2000);
      });
    }
  }

  /** Forms lead to the front page by a link: a page that is a file may not send forms. */
  function setUpSearchLink() {
    const form = document.querySelector("[data-search-link]");
    form?.addEventListener("submit", (event) => {
      event.preventDefault();
      const query = new URLSearchParams({ q: form.elements.q.value });
      location.assign(`${form.getAttribute("action")}?${query}`);
    });
  }

  /** "/" goes to the search field. */
  function setUpShortcut() {
    document.addEventListener("keydown", (event) => {
      const typing = document.activeElement?.matches("input[type=search]") ?? false;
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      document.querySelector("input[name=q]").focus();
    });
  }

  function showExpiry() {
    const expired = Date.now() > Date.parse(root.dataset.expires);
    if (expired) document.querySelector("[data-expired]").hidden = false;
  }

  const REACHES = { network: "Network", files: "Files" };

  function tag(text, kind) {
    const item = document.createElement("li");
    item.className = `tag tag-${kind}`;
    item.textContent = text;
    return item;
  }

  /** A card like those of lists, made from the one in the page. */
  function card([id, version, description, , category, publisher, published, reaches, revoked]) {
    const template = document.querySelector("template[data-card]");
    const item = template.content.firstElementChild.cloneNode(true);
    item.classList.toggle("is-revoked", revoked);
    const link = item.querySelector("h3 a");
    link.textContent = id;
    link.setAttribute("href", `package/${id}.html`);
    item.querySelector(".version").textContent = version;
    item.querySelector(".card-text").textContent = description;
    const meta = item.querySelector(".card-meta");
    const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeZone: "UTC" });
    const date = Number.isNaN(Date.parse(published)) ? published : day.format(new Date(published));
    meta.replaceChildren(`${publisher}, ${date}`);
    const tags = item.querySelector(".tags");
    tags.setAttribute("aria-label", `About ${id}`);
    const outside = reaches.filter((reach) => reach in REACHES);
    tags.replaceChildren(
      ...(revoked ? [tag("Revoked", "revoked")] : []),
      tag(category, "type"),
      ...outside.map((reach) => tag(REACHES[reach], reach)),
      ...(outside.length === 0 ? [tag("Reaches nothing outside", "none")] : []),
      meta,
    );
    return item;
  }

  /** The script with the packages, fetched when first needed. Its address passes the page's policy. */
  function loadPackages() {
    const { searchScript } = document.querySelector("[data-search-script]").dataset;
    const policy = globalThis.trustedTypes?.createPolicy("lunette", {
      createScriptURL: () => searchScript,
    });
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = policy?.createScriptURL("") ?? searchScript;
      script.onload = () => resolve(globalThis.lunetteSearch.prepare(globalThis.lunettePackages));
      script.onerror = () => reject(new Error("The list of packages cannot be loaded"));
      document.head.append(script);
    });
  }

  class Search {
    #form = document.querySelector("[data-search]");
    #results = document.querySelector("[data-results]");
    #newest = document.querySelector("[data-newest]");
    #count = document.querySelector("[data-count]");
    #packages;
    #timer;

    setUp() {
      const query = new URLSearchParams(location.search);
      const input = this.#form.elements.q;
      input.value = query.get("q") ?? "";
      for (const radio of this.#form.querySelectorAll("[name=type]")) {
        radio.checked = radio.value === (query.get("type") ?? "");
      }
      if (this.#form.querySelector(":checked") === null) {
        this.#form.querySelector("[name=type]").checked = true;
      }
      this.#form.addEventListener("focusin", () => this.#load(), { once: true });
      this.#form.addEventListener("submit", (event) => {
        event.preventDefault();
        // What was typed last is shown now, and not once more when the focus has gone to it.
        clearTimeout(this.#timer);
        this.#show().then(() => this.#links()[0]?.focus());
      });
      this.#form.addEventListener("input", (event) => {
        clearTimeout(this.#timer);
        const delay_ms = event.target === input ? SEARCH_DELAY_MS : 0;
        this.#timer = setTimeout(() => this.#show(), delay_ms);
      });
      document.addEventListener("keydown", (event) => this.#move(event));
      if (input.value !== "" || this.#category() !== "") this.#show();
    }

    #category() {
      return this.#form.querySelector("[name=type]:checked")?.value ?? "";
    }

    #load() {
      this.#packages ??= loadPackages();
      return this.#packages;
    }

    async #show() {
      const query = this.#form.elements.q.value.trim();
      const category = this.#category();
      this.#keepAddress(query, category);
      const searching = query !== "" || category !== "";
      if (!searching) {
        this.#results.hidden = true;
        this.#newest.hidden = false;
        this.#count.textContent = "";
        return;
      }
      let packages;
      try {
        packages = await this.#load();
      } catch (error) {
        this.#count.textContent = `${error.message}: see the list of all packages.`;
        return;
      }
      // Another query may have come in the meantime.
      if (query !== this.#form.elements.q.value.trim() || category !== this.#category()) return;
      this.#fill(globalThis.lunetteSearch.search(packages, query, category));
    }

    #fill(found) {
      this.#results.hidden = false;
      this.#newest.hidden = true;
      const shown = found.slice(0, SHOWN_COUNT_MAX);
      this.#results.querySelector("ol").replaceChildren(...shown.map(card));
      this.#results.querySelector("[data-empty]").hidden = found.length > 0;
      const count = found.length === 1 ? "1 package" : `${found.length || "No"} packages`;
      const rest = shown.length < found.length ? `, of which ${shown.length} are shown` : "";
      this.#count.textContent = `${count}${rest}`;
    }

    /** The address leads back to what was searched. */
    #keepAddress(query, category) {
      const parameters = new URLSearchParams();
      if (query !== "") parameters.set("q", query);
      if (category !== "") parameters.set("type", category);
      const text = parameters.toString();
      try {
        history.replaceState(null, "", text === "" ? location.pathname : `?${text}`);
      } catch {
        // Not where the page is a file, in some browsers.
      }
    }

    #links() {
      return [...this.#results.querySelectorAll("h3 a")];
    }

    /** Arrow keys go from the field through the results; Escape goes back, and clears. */
    #move(event) {
      const input = this.#form.elements.q;
      const links = this.#links();
      const at = links.indexOf(document.activeElement);
      const inField = document.activeElement === input;
      if (event.key === "Escape" && (inField || at >= 0)) {
        if (inField) {
          input.value = "";
          this.#show();
        }
        input.focus();
      } else if (event.key === "ArrowDown" && (inField || at >= 0)) {
        if (this.#results.hidden || at + 1 >= links.length) return;
        links[at + 1].focus();
      } else if (event.key === "ArrowUp" && at >= 0) {
        (links[at - 1] ?? input).focus();
      } else return;
      event.preventDefault();
    }
  }

  setUpTheme();
  setUpCopying();
  setUpSearchLink();
  setUpShortcut();
  showExpiry();
  if (document.querySelector("template[data-card]") !== null) new Search().setUp();
})();
