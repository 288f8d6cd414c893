import assert from "node:assert/strict";
import { join } from "node:path";
import { makeCertificate } from "../../broker/certificate_double.ts";
import { type Behaviour, IMPATIENT, MemoryRegistry, openTest, serve } from "./registry_double.ts";
import { inFolder, put, refused, REPOSITORY, TYPE, utf8 } from "./store_double.ts";

const credentials = { user: "ada", password: "se:cret" };
const BASIC = `Basic ${btoa("ada:se:cret")}`;

/** A token endpoint that gives `token` to whoever logs in, or to all; keeps what came. */
function tokenServer(token: unknown, open: boolean) {
  const seen: { search: string; authorization: string | null }[] = [];
  const server = serve(({ url, headers }) => {
    const authorization = headers.get("authorization");
    seen.push({ search: new URL(url).search, authorization });
    if (!open && authorization !== BASIC) return new Response("no", { status: 401 });
    return Response.json({ token });
  });
  return { seen, host: server.host, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** A registry that wants this Authorization field, and asks for it with this challenge. */
function guarded(
  wanted: string,
  challenge: (url: URL) => string,
  more: (request: Request, url: URL) => Response | undefined = () => undefined,
): MemoryRegistry & { readonly seen: (string | null)[] } {
  const seen: (string | null)[] = [];
  const behaviour: Behaviour = {
    intercept: (request, url) => {
      const instead = more(request, url);
      if (instead !== undefined) return instead;
      const field = request.headers.get("authorization");
      seen.push(field);
      if (field === wanted) return undefined;
      const headers = { "www-authenticate": challenge(url) };
      return new Response("", { status: 401, headers });
    },
  };
  return Object.assign(new MemoryRegistry(behaviour), { seen });
}

Deno.test("login: a token of an endpoint on the same host, with what is to be done", async () => {
  const asked: (string | null)[][] = [];
  await using registry = guarded(
    "Bearer good.token",
    ({ origin }) => `Bearer realm="${origin}/token?a=b",service="the \\"registry\\""`,
    ({ headers }, { pathname, searchParams }) => {
      if (pathname !== "/token") return undefined;
      const values = [...["a", "service", "scope"].map((name) => searchParams.get(name))];
      asked.push([...values, headers.get("authorization")]);
      return Response.json({ access_token: "good.token" });
    },
  );
  const store = openTest(registry, { credentials });
  await put(store, "one", "1.0.0");
  await put(store, "two", "1.0.1");
  await store.readManifest(REPOSITORY, "1.0.0");
  assert.deepEqual(await store.tags(REPOSITORY), ["1.0.0", "1.0.1"]);
  const scope = `repository:market/${REPOSITORY}:`;
  const [read, write] = ["pull", "pull,push"].map((
    what,
  ) => ["b", 'the "registry"', scope + what, BASIC]);
  assert.deepEqual(asked, [write, read]);
  // Asked for once each, and sent along from then on.
  assert.equal(registry.seen.filter((field) => field === null).length, 2);
});

Deno.test("login: a token endpoint elsewhere gets no password but by the user's word", async () => {
  await using tokens = tokenServer("good", false);
  await using registry = guarded(
    "Bearer good",
    () => `Bearer realm="http://${tokens.host}/token",service="x",scope="repository:x:pull"`,
  );
  const store = openTest(registry, { credentials });
  const error = await refused("permission", "no password was given", store.tags(REPOSITORY));
  assert.match(error.advice, /LUNETTE_REGISTRY_TOKEN_ORIGIN=http:\/\/127/);
  assert.deepEqual(tokens.seen.map(({ authorization }) => authorization), [null]);
  const token_origin = `http://${tokens.host}`;
  assert.deepEqual(await openTest(registry, { credentials, token_origin }).tags(REPOSITORY), []);
  assert.equal(tokens.seen[1].search, "?service=x&scope=repository%3Ax%3Apull");
});

Deno.test("login: a token endpoint elsewhere is asked without a password", async () => {
  await using tokens = tokenServer("good", true);
  await using registry = guarded("Bearer good", () => `Bearer realm="http://${tokens.host}/"`);
  for (const options of [{}, { credentials }]) {
    assert.deepEqual(await openTest(registry, options).tags(REPOSITORY), []);
  }
  assert.ok(tokens.seen.every(({ authorization }) => authorization === null));
});

Deno.test("login: a password that is not taken, and a login without end", async () => {
  await using basic = guarded("nobody", () => 'Basic realm="x"');
  await refused("permission", "asks for a user", openTest(basic).tags(REPOSITORY));
  const store = openTest(basic, { credentials });
  await refused("permission", "does not let this user read", store.tags(REPOSITORY));
  await refused(
    "permission",
    "does not let this user write to",
    store.writeBlob(REPOSITORY, TYPE, utf8("x")),
  );
  assert.ok(basic.seen.length < 10, `${basic.seen.length} requests`);
  await using tokens = tokenServer("good", true);
  await using bearer = guarded("nobody", () => `Bearer realm="http://${tokens.host}/"`);
  await refused("permission", "does not let this user read", openTest(bearer).tags(REPOSITORY));
  assert.equal(bearer.seen.length, 2);
  await using refusing = tokenServer("good", false);
  const token_origin = `http://${refusing.host}`;
  await using last = guarded("nobody", () => `Bearer realm="${token_origin}/"`);
  const options = { token_origin, credentials: { user: "eve", password: "x" } };
  await refused("permission", "does not take this user", openTest(last, options).tags(REPOSITORY));
  await refused("permission", "asks for user", openTest(last, { token_origin }).tags(REPOSITORY));
});

Deno.test("login: challenges that make no sense", async () => {
  const challenges: [string, string][] = [
    ["", "a kind that is not known"],
    ["Negotiate", "a kind that is not known"],
    ["Digest realm=x", "a kind that is not known"],
    [`Bearer ${"x".repeat(9000)}`, "a kind that is not known"],
    ["Bearer", "no place for logins"],
    ['Bearer realm=""', "no place for logins"],
    ['Bearer realm="file:///etc/passwd"', "is not used"],
    ['Bearer realm="unix:/x"', "is not used"],
    ['Bearer realm="http://a:b@127.0.0.1/"', "is not used"],
    [`Bearer realm="http://127.0.0.1:1/",scope="${"x".repeat(2000)}"`, "makes no sense"],
    ['Bearer realm="http://127.0.0.1:1/",service="\u00e9"', "makes no sense"],
  ];
  for (const [challenge, words] of challenges) {
    await using registry = guarded("nobody", () => challenge);
    await refused("permission", words, openTest(registry, { credentials }).tags(REPOSITORY));
  }
});

Deno.test("login: tokens that are none, and endpoints that hang or fail", async () => {
  const tokens: unknown[] = [
    undefined,
    1,
    "",
    "a b",
    "a\r\nX-Evil: 1",
    "\u00e9",
    "x".repeat(70_000),
  ];
  for (const token of tokens) {
    await using server = tokenServer(token, true);
    await using registry = guarded("nobody", () => `Bearer realm="http://${server.host}/"`);
    const error = await openTest(registry).tags(REPOSITORY).then(
      () => undefined,
      (reason) => reason,
    );
    assert.match(String(error), /gives no token|sends more than 65536/);
  }
  const answers: [() => Response | Promise<Response>, string][] = [
    [() => new Response("", { status: 503 }), "it answers 503"],
    [() => Response.redirect("http://127.0.0.1:1/", 302), "it answers 302"],
    [() => new Promise((resolve) => setTimeout(() => resolve(new Response()), 700)), "in time"],
  ];
  for (const [answer, words] of answers) {
    await using server = serve(answer);
    await using registry = guarded("nobody", () => `Bearer realm="http://${server.host}/"`);
    const limits = words === "in time" ? IMPATIENT : {};
    await refused("unavailable", words, openTest(registry, { limits }).tags(REPOSITORY));
  }
});

Deno.test("login: what the registry leads to elsewhere gets no credentials", async () => {
  const fields: (string | null)[] = [];
  await using storage = new MemoryRegistry({
    intercept: ({ headers }) => void fields.push(headers.get("authorization")),
  });
  let away = false;
  await using registry = guarded(BASIC, () => "Basic", ({ method }, { pathname, search }) => {
    if (!away) return undefined;
    const location = `http://${storage.host}${pathname}${search}`;
    if (method === "POST") {
      return new Response("", { status: 202, headers: { location: `${location}id` } });
    }
    return method === "HEAD" ? undefined : new Response("", { status: 307, headers: { location } });
  });
  const store = openTest(registry, { credentials });
  const { layer } = await put(store, "one", "1.0.0");
  assert.ok(registry.seen.includes(BASIC));
  const bytes = registry.blobs.get(layer.digest) ?? new Uint8Array();
  storage.blobs.set(layer.digest, bytes);
  away = true;
  assert.deepEqual(await store.readBlob(REPOSITORY, layer, 3), bytes);
  await refused("not-found", "answers 404", store.writeBlob(REPOSITORY, TYPE, utf8("new")));
  assert.deepEqual(fields, [null, null]);
});

Deno.test("login: credentials stay out of what is led back", async () => {
  // A place of others that leads back to the registry does not act there in the user's name.
  const fields: (string | null)[] = [];
  await using other = serve(({ url }) => {
    const back = new URL(url).searchParams.get("back") ?? "";
    return Response.redirect(back, 307);
  });
  await using registry = guarded(BASIC, () => "Basic", ({ headers }, url) => {
    if (url.pathname !== "/private" && !url.pathname.includes("/blobs/")) return undefined;
    if (url.pathname === "/private") {
      fields.push(headers.get("authorization"));
      return new Response("", { status: 404 });
    }
    const back = encodeURIComponent(`${url.origin}/private`);
    return Response.redirect(`http://${other.host}/?back=${back}`, 307);
  });
  const store = openTest(registry, { credentials });
  await store.tags(REPOSITORY);
  const descriptor = { mediaType: TYPE, digest: `sha256:${"0".repeat(64)}` as const, size: 1 };
  await refused("not-found", "answers 404", store.readBlob(REPOSITORY, descriptor, 1));
  assert.deepEqual(fields, [null]);
});

Deno.test("login: docker's file is used with care", async () => {
  await using registry = guarded(BASIC, () => "Basic");
  const auth = btoa("ada:se:cret");
  const nothing = "asks for a user";
  const contents: [string, string | undefined][] = [
    [JSON.stringify({ auths: { [registry.host]: { auth } } }), undefined],
    [JSON.stringify({ auths: { [`${registry.host}0`]: { auth } } }), nothing],
    [JSON.stringify({ auths: { [`x.${registry.host}`]: { auth } } }), nothing],
    [JSON.stringify({ auths: { [registry.host]: {} } }), nothing],
    [JSON.stringify({ auths: { [registry.host]: { auth: "?" } } }), nothing],
    [JSON.stringify({ auths: { [registry.host]: { auth: btoa("nocolon") } } }), nothing],
    [JSON.stringify({ auths: { [registry.host]: null } }), nothing],
    [JSON.stringify({ auths: [] }), nothing],
    [JSON.stringify({ credsStore: "x" }), nothing],
    ["null", nothing],
    ["{", "it is not JSON"],
    [" ".repeat(2 << 20), "it is too long"],
  ];
  await inFolder(async (folder) => {
    const variables: Record<string, string> = { HOME: folder };
    const environment = { get: (name: string) => variables[name] };
    await Deno.mkdir(join(folder, ".docker"));
    await refused("permission", nothing, openTest(registry, { environment }).tags(REPOSITORY));
    for (const [content, words] of contents) {
      await Deno.writeTextFile(join(folder, ".docker", "config.json"), content);
      const tags = openTest(registry, { environment }).tags(REPOSITORY);
      if (words === undefined) assert.deepEqual(await tags, []);
      else await refused("permission", words, tags);
    }
  });
});

Deno.test("https: certificates are checked, and what is not HTTPS is not followed", async () => {
  const made = await makeCertificate(["localhost"]);
  if (made === undefined) return;
  await using plain = new MemoryRegistry();
  let location = "";
  const intercept = () =>
    location === "" ? undefined : new Response("", { status: 307, headers: { location } });
  await using registry = new MemoryRegistry({ intercept }, made);
  const host = registry.host.replace("127.0.0.1", "localhost");
  const options = { plain_http: false, authorities: [made.authority] };
  const store = openTest({ host }, options);
  const { descriptor } = await put(store, "one", "1.0.0");
  assert.deepEqual((await store.readManifest(REPOSITORY, "1.0.0"))?.descriptor, descriptor);
  const unknown = openTest({ host }, { ...options, authorities: [] });
  await refused("untrusted", "Cannot reach https://localhost", unknown.tags(REPOSITORY));
  await refused("untrusted", "Cannot reach", openTest(registry, options).tags(REPOSITORY));
  await refused("untrusted", "Cannot reach", openTest(plain, options).tags(REPOSITORY));
  location = `http://${plain.host}/`;
  await refused("untrusted", "is not followed", store.tags(REPOSITORY));
  // Plain HTTP to a port that speaks TLS.
  const error = await openTest(registry).tags(REPOSITORY).then(() => undefined, (reason) => reason);
  assert.match(String(error), /Cannot reach|answers 400/);
});
