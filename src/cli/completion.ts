/** lunette completion: completion scripts, made from the verbs and options themselves. */
import { Argument, Command } from "commander";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = typeof shells[number];

interface Verb {
  readonly name: string;
  readonly description: string;
  /** Whether its first argument is the name of a LUN that is there. */
  readonly takesLun: boolean;
  readonly options: readonly {
    readonly flag: string;
    readonly description: string;
    readonly choices: readonly string[];
  }[];
}

function verbsOf(program: Command): Verb[] {
  return program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    takesLun: command.name() !== "create" && command.registeredArguments[0]?.name() === "name",
    options: command.options.flatMap((option) =>
      option.long === undefined || option.long === null ? [] : [{
        flag: option.long,
        description: option.description,
        choices: option.argChoices ?? [],
      }]
    ),
  }));
}

function bash(verbs: readonly Verb[]): string {
  const cases = verbs.map((verb) =>
    `    ${verb.name}) words="${verb.options.map((option) => option.flag).join(" ")}" ;;`
  );
  const values = verbs.flatMap((verb) => verb.options)
    .filter((option) => option.choices.length > 0)
    .map((option) => `    ${option.flag}) words="${option.choices.join(" ")}" ;;`);
  return `_lunette() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then words="${verbs.map((verb) => verb.name).join(" ")}"
  else case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
    esac
    case "\${COMP_WORDS[1]}" in
      ${
    verbs.filter(({ takesLun }) => takesLun).map(({ name }) => name).join("|")
  }) [[ "$word" == -* ]] || words="$(lunette ls --json 2>/dev/null | sed -n 's/^    "name": "\\(.*\\)",$/\\1/p')" ;;
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

function fish(verbs: readonly Verb[]): string {
  const quote = (text: string) => `'${text.replaceAll("'", "\\'")}'`;
  const lines = ["complete -c lunette -f"];
  for (const verb of verbs) {
    lines.push(
      `complete -c lunette -n __fish_use_subcommand -a ${verb.name} -d ${quote(verb.description)}`,
    );
    for (const option of verb.options) {
      const values = option.choices.length === 0 ? "" : ` -x -a ${quote(option.choices.join(" "))}`;
      lines.push(
        `complete -c lunette -n '__fish_seen_subcommand_from ${verb.name}' -l ${
          option.flag.slice(2)
        } -d ${quote(option.description)}${values}`,
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
