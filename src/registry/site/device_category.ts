/** The kinds of devices by which packages are sorted. */

/** A kind of device. */
export interface DeviceCategory {
  /** In names of files and in queries. */
  readonly slug: string;
  /** Of one. */
  readonly name: string;
  /** Of many. */
  readonly plural: string;
}

/** SCSI's peripheral device types that a handler may serve, now or in an index to come. */
const CATEGORIES: readonly DeviceCategory[] = [
  { slug: "disk", name: "Disk", plural: "Disks" },
  { slug: "zoned", name: "Zoned disk", plural: "Zoned disks" },
  { slug: "optical", name: "Optical drive", plural: "Optical drives" },
  { slug: "tape", name: "Tape drive", plural: "Tape drives" },
  { slug: "changer", name: "Media changer", plural: "Media changers" },
];
const OTHER: DeviceCategory = { slug: "other", name: "Other device", plural: "Other devices" };

/** What a package's device type is; one that is not known here is another one. */
export function deviceCategory(device_type: string): DeviceCategory {
  return CATEGORIES.find(({ slug }) => slug === device_type) ?? OTHER;
}

/** Those that some of `items` have, in a fixed order, with how many. */
export function categoriesOf(
  items: readonly { readonly category: DeviceCategory }[],
): readonly (readonly [DeviceCategory, number])[] {
  return [...CATEGORIES, OTHER]
    .map((category) =>
      [category, items.filter((item) => item.category === category).length] as const
    )
    .filter(([, count]) => count > 0);
}
