/** What goes wrong below of what a registry says. */
import { plain } from "./name.ts";

/** How an exchange failed. */
export type HttpFailureKind =
  /** Nobody is there: no such name, nobody listens. */
  | "unreachable"
  /** The certificate is not of this host, or of nobody who is known. */
  | "certificate"
  /** It took too long. */
  | "timeout"
  /** The connection broke. */
  | "broken"
  /** It says what no registry says. */
  | "protocol";

const UNREACHABLE: readonly string[] = [
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
];
const CERTIFICATE = /certificate|CERT_|UnknownIssuer|NotValidForName|altname|self.signed/i;

/** An exchange failed; the message is a clause about the other side. */
export class HttpFailure extends Error {
  override readonly name = "HttpFailure";
  readonly kind: HttpFailureKind;

  constructor(kind: HttpFailureKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }

  /** Any error of a connection as one of these. */
  static of(error: unknown): HttpFailure {
    if (error instanceof HttpFailure) return error;
    const message = plain(error instanceof Error ? error.message : String(error));
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const cause = { cause: error };
    if (UNREACHABLE.includes(code)) return new HttpFailure("unreachable", message, cause);
    if (CERTIFICATE.test(code) || CERTIFICATE.test(message)) {
      return new HttpFailure("certificate", message, cause);
    }
    // Of node's parser of HTTP, and of TLS with who does not speak it.
    const strange = code.startsWith("HPE_") || code.startsWith("ERR_SSL_") ||
      message.startsWith("Parse Error");
    return new HttpFailure(strange ? "protocol" : "broken", message, cause);
  }

  /** Whether another try may help. One that took its time has had its chance. */
  get transient(): boolean {
    return this.kind === "broken";
  }
}
