/**
 * The kernel fabric: TCMU devices, their rings, and the LIO targets that make LUNs of them.
 *
 * - {@linkcode createBackstore}, then serve its ring through a {@linkcode UioTransport}, then
 *   {@linkcode LoopbackFabric} or {@linkcode IscsiFabric}`.link`; {@linkcode removeLun} undoes all.
 * - {@linkcode Discovery} finds devices that are there to be served; {@linkcode recover} takes over
 *   a ring that another process left behind.
 * - {@linkcode listLuns}, {@linkcode describeLun} look.
 *
 * Everything here is asynchronous and belongs on the main thread, except for {@linkcode UioTransport}.
 *
 * @module
 */
export * from "./actions.ts";
export {
  adjustBackstore,
  type Backstore,
  type BackstoreOptions,
  createBackstore,
  findBackstores,
  HBA_BASE,
  removeBackstore,
  resizeBackstore,
} from "./backstore.ts";
export { DetachedTree } from "./detached_tree.ts";
export * from "./discovery.ts";
export * from "./disk_use.ts";
export { FabricError, type FabricErrorKind } from "./error.ts";
export {
  type FabricKind,
  type KernelFabric,
  type Link,
  LINK_NAME,
  listLinks,
  type TargetLink,
} from "./fabric.ts";
export {
  type DeviceChange,
  type DeviceEvent,
  type EventSource,
  type TcmuEvent,
  TcmuNetlink,
} from "./genl.ts";
export * from "./inventory.ts";
export * from "./iscsi.ts";
export * from "./loopback.ts";
export * from "./modules.ts";
export {
  checkIscsiName,
  checkLunName,
  defaultSerial,
  deriveIqn,
  deriveNaa,
  type DeviceName,
  IQN_PREFIX,
  NAME_LENGTH_MAX,
  SUBTYPE,
} from "./names.ts";
export * from "./remove.ts";
export * from "./reservations.ts";
export { failIfUnserved, findServers, UnservedDevice } from "./served.ts";
export * from "./transport.ts";
export { KERNEL_PATHS, type KernelPaths, KernelTree } from "./tree.ts";
export { findUioDevice, listUioDevices, type UioDevice } from "./uio_devices.ts";
