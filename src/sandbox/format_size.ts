const NAMES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** "512 MiB" and the like, for people. */
export function formatSize(bytes: number): string {
  let index = 0;
  let value = bytes;
  while (value >= 1024 && index < NAMES.length - 1) {
    value /= 1024;
    index++;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${NAMES[index]}`;
}
