import assert from "node:assert/strict";
import { join } from "node:path";
import { makeKey, MarketplaceDouble } from "../registry/install/marketplace_double.ts";
import { changeIndex, revokeInIndex } from "../registry/install/publishing.ts";
import { PackageHandlers } from "./package_handlers.ts";

Deno.test("a package that is served is revoked with its key, until another has signed it", async () => {
  await MarketplaceDouble.with(async (double) => {
    await double.publish();
    await double.install();
    const handlers = new PackageHandlers(join(double.folder, "state"), "stop");
    const { check, package: { installed } } = await handlers.load("acme.disk");
    await check();

    const old = double.key;
    double.key = await makeKey("acme", old);
    await double.publish();
    const value = old.signer.key;
    const revoked = new Date().toISOString();
    const revocation = { what: "key", value, reason: "stolen", revoked } as const;
    await changeIndex(double.own, double.key, revokeInIndex(revocation));
    await double.marketplace.index();
    assert.match(await handlers.problemOf(installed) ?? "", /The key .* was revoked by .*: stolen/);
    await assert.rejects(check, /was revoked/);

    await double.install();
    assert.equal(await handlers.problemOf(installed), undefined);
    await check();
  });
});
