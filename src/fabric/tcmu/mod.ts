/**
 * The kernel fabric: TCMU devices, their rings, and the LIO targets that make LUNs of them.
 *
 * @module
 */
export * from "./actions.ts";
export * from "./backstore.ts";
export * from "./error.ts";
export * from "./fabric.ts";
export * from "./loopback.ts";
export * from "./names.ts";
export * from "./transport.ts";
export * from "./tree.ts";
export * from "./uio_devices.ts";
