/** HTML and XML from templates: what is put into one is text, unless it came from one. */

/** Markup that needs no escaping: made by {@linkcode markup}, or by the sanitizer. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** What can stand in a template; nothing is written for undefined and false. */
export type Content = Markup | string | number | undefined | false | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function written(content: Content): string {
  if (content === undefined || content === false) return "";
  if (content instanceof Markup) return content.text;
  if (typeof content === "object") return content.map(written).join("");
  return String(content).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

/** A piece of a page: values are escaped, for elements and for attributes in quotes. */
export function markup(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  let text = strings[0];
  values.forEach((value, index) => text += written(value) + strings[index + 1]);
  return new Markup(text);
}
