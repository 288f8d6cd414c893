/**
 * All test vectors: a CDB, its clause, and what must come back. One file for each group of commands.
 *
 * @module
 */
import { atomicVectors } from "./commands/atomic.ts";
import { cacheVectors } from "./commands/cache.ts";
import { capacityVectors } from "./commands/capacity.ts";
import { claimedVectors } from "./commands/claimed.ts";
import { compareAndWriteVectors } from "./commands/compare_and_write.ts";
import { copyVectors } from "./commands/copy.ts";
import { inquiryVectors } from "./commands/inquiry.ts";
import { logVectors } from "./commands/log.ts";
import { mediumVectors } from "./commands/medium.ts";
import { modeVectors } from "./commands/mode.ts";
import { provisioningVectors } from "./commands/provisioning.ts";
import { readVectors } from "./commands/read.ts";
import { readinessVectors } from "./commands/readiness.ts";
import { reportVectors } from "./commands/report.ts";
import { reservationVectors } from "./commands/reservations.ts";
import { verifyVectors } from "./commands/verify.ts";
import { writeVectors } from "./commands/write.ts";
import { vitalProductVectors } from "./commands/vital_product_data.ts";
import { wholeMediumVectors } from "./commands/whole_medium.ts";
import { writeSameVectors } from "./commands/write_same.ts";
import type { Vector } from "./vector.ts";

export const vectors: readonly Vector[] = [
  ...readinessVectors,
  ...inquiryVectors,
  ...vitalProductVectors,
  ...modeVectors,
  ...logVectors,
  ...reportVectors,
  ...reservationVectors,
  ...capacityVectors,
  ...mediumVectors,
  ...readVectors,
  ...writeVectors,
  ...verifyVectors,
  ...writeSameVectors,
  ...compareAndWriteVectors,
  ...atomicVectors,
  ...cacheVectors,
  ...provisioningVectors,
  ...wholeMediumVectors,
  ...copyVectors,
  ...claimedVectors,
];
