/** lunette plugin new: the folder of a new handler. */
import { Command } from "commander";
import { basename, resolve } from "node:path";
import { idFromFolder, newPackage, writeContract } from "../../registry/pack/new_package.ts";
import { bold, dim, green, printable, printJson } from "../output.ts";

interface NewOptions {
  readonly id?: string;
  readonly types?: boolean;
  readonly json?: boolean;
}

/** The verb `plugin new`. */
export function newVerb(): Command {
  return new Command("new")
    .description("make the folder of a new handler: it checks, its tests pass, it can be served")
    .argument("<folder>", "folder to make")
    .option("--id <publisher.name>", "id of the package (default: from the folder's name)")
    .option("--types", "copy this program's contract into the folder of a handler, and no more")
    .option("--json", "print JSON")
    .action(makeNew);
}

async function makeNew(folder: string, options: NewOptions): Promise<void> {
  if (options.types === true) {
    const files = await writeContract(folder);
    if (options.json === true) return printJson({ folder: resolve(folder), files });
    return console.log(`${green("copied")} the contract into ${printable(folder)}`);
  }
  const id = options.id ?? idFromFolder(basename(resolve(folder)));
  const files = await newPackage(folder, id);
  if (options.json === true) return printJson({ id, folder: resolve(folder), files });
  console.log(`${green("made")} ${bold(id)} in ${printable(folder)}\n`);
  console.log("Next:");
  const shown = printable(folder);
  console.log(`  cd ${shown} && deno test       its own tests`);
  console.log(`  lunette plugin dev ${shown}    serve it, and load it again on every change`);
  console.log(`  lunette plugin test ${shown}   all that a disk must do, in the real sandbox`);
  console.log(`  lunette plugin pack ${shown}   make a package of it`);
  if (options.id === undefined && id.startsWith("example.")) {
    console.log(dim(`\nThe id is in handler.json: put your own name in the place of "example".`));
  }
}
