/** lunette completion: completion scripts, made from the verbs and options themselves. */
import { Argument, Command } from "commander";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = typeof shells[number];

interface Verb {
  /** Its name, behind those of the verbs that it belongs to: ["plugin", "install"]. */
  readonly path: readonly string[];
  readonly description: string;
  /** What its first argument is: a LUN that is there, or a package that is installed. */
  readonly takes: "lun" | "package" | undefined;
  /** Names of the verbs that belong to it. */
  readonly verbs: readonly string[];
  readonly options: readonly {
    readonly flag: string;
    readonly description: string;
    readonly choices: readonly string[];
  }[];
}

/** Prints what is there: the names in the JSON that these verbs print. */
const LISTS = {
  lun: `lunette ls --json 2>/dev/null | sed -n 's/^    "name": "\\(.*\\)",$/\\1/p'`,
  package: `lunette plugin ls --json 2>/dev/null | sed -n 's/^    "id": "\\(.*\\)",$/\\1/p'`,
} as const;

function takenBy(command: Command, path: readonly string[]): Verb["takes"] {
  const argument = command.registeredArguments[0]?.name();
  if (path.length === 1) {
    return command.name() !== "create" && argument === "name" ? "lun" : undefined;
  }
  const wanted = path[0] === "plugin" && argument === "id" && command.name() !== "install";
  return wanted ? "package" : undefined;
}

/** The verbs of a command and, behind each, those that belong to it. */
function verbsOf(parent: Command, above: readonly string[] = []): Verb[] {
  return parent.commands.flatMap((command) => {
    const path = [...above, command.name()];
    const verb: Verb = {
      path,
      description: command.description(),
      takes: takenBy(command, path),
      verbs: command.commands.map((one) => one.name()),
      options: command.options.flatMap((option) =>
        option.long === undefined || option.long === null ? [] : [{
          flag: option.long,
          description: option.description,
          choices: option.argChoices ?? [],
        }]
      ),
    };
    return [verb, ...verbsOf(command, path)];
  });
}

/** Patterns of `case`, each a verb's path. */
function patterns(verbs: readonly Verb[]): string {
  return verbs.map(({ path }) => `"${path.join(" ")}"`).join("|");
}

function bash(verbs: readonly Verb[]): string {
  const first = verbs.filter(({ path }) => path.length === 1).map(({ path }) => path[0]);
  const cases = verbs.map(({ path, verbs, options }) =>
    `    "${path.join(" ")}") words="${
      [...verbs, ...options.map((option) => option.flag)].join(" ")
    }" ;;`
  );
  const values = verbs.flatMap((verb) => verb.options)
    .filter((option) => option.choices.length > 0)
    .map((option) => `    ${option.flag}) words="${option.choices.join(" ")}" ;;`);
  const lists = Object.entries(LISTS).map(([kind, list]) =>
    `      ${patterns(verbs.filter(({ takes }) => takes === kind))}) words="$(${list})" ;;`
  );
  return `_lunette() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words="" path="" index next
  for ((index = 1; index < COMP_CWORD; index++)); do
    next="\${path:+$path }\${COMP_WORDS[index]}"
    case "$next" in
      ${patterns(verbs)}) path="$next" ;;
      *) break ;;
    esac
  done
  case "$path" in
    "") words="${first.join(" ")}" ;;
${cases.join("\n")}
  esac
  if [[ "$word" != -* ]]; then
    case "$path" in
${lists.join("\n")}
    esac
  fi
  case "$before" in
${[...new Set(values)].join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _lunette lunette
`;
}

/** Where a verb was given, with those above it. */
function fishCondition(path: readonly string[]): string {
  return path.map((name) => `__fish_seen_subcommand_from ${name}`).join("; and ");
}

function fish(verbs: readonly Verb[]): string {
  const quote = (text: string) => `'${text.replaceAll("'", "\\'")}'`;
  const lines = ["complete -c lunette -f"];
  for (const { path, description, options } of verbs) {
    const above = path.slice(0, -1);
    const siblings = verbs.filter((one) => one.path.slice(0, -1).join(" ") === above.join(" "))
      .map((one) => one.path.at(-1));
    const condition = above.length === 0
      ? "__fish_use_subcommand"
      : `${fishCondition(above)}; and not __fish_seen_subcommand_from ${siblings.join(" ")}`;
    lines.push(
      `complete -c lunette -n '${condition}' -a ${path.at(-1)} -d ${quote(description)}`,
    );
    for (const option of options) {
      const values = option.choices.length === 0 ? "" : ` -x -a ${quote(option.choices.join(" "))}`;
      lines.push(
        `complete -c lunette -n '${fishCondition(path)}' -l ${option.flag.slice(2)} -d ${
          quote(option.description)
        }${values}`,
      );
    }
  }
  return lines.join("\n") + "\n";
}

/** The completion script of a shell. */
export function completionScript(program: Command, shell: Shell): string {
  const verbs = verbsOf(program);
  if (shell === "fish") return fish(verbs);
  if (shell === "zsh") return `autoload -U +X bashcompinit && bashcompinit\n${bash(verbs)}`;
  return bash(verbs);
}

/** The verb `completion`. */
export function completionVerb(program: Command): Command {
  return new Command("completion")
    .description("print a completion script for your shell")
    .addArgument(new Argument("<shell>", "your shell").choices(shells))
    .addHelpText("after", "\nFor bash: lunette completion bash > /etc/bash_completion.d/lunette")
    .action((shell: Shell) => console.log(completionScript(program, shell)));
}
