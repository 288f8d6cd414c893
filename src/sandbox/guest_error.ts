/** Why a handler process does not serve. */
export class GuestError extends Error {
  override readonly name = "GuestError";
}
