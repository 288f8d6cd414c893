/** All that answers third-party copy commands. */
import { extendedCopyResponses } from "./extended_copy.ts";
import { copyParameterResponses } from "./parameters.ts";
import { populateTokenResponses } from "./populate_token.ts";
import { copyResultResponses } from "./results.ts";
import { writeUsingTokenResponses } from "./write_using_token.ts";

export const copyResponses = [
  ...extendedCopyResponses,
  ...populateTokenResponses,
  ...writeUsingTokenResponses,
  ...copyResultResponses,
  ...copyParameterResponses,
];
