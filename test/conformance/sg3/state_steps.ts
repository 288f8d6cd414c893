/** sg_persist, sg_reset, sg_start, sg_prevent: what a unit keeps beside its blocks. */
import { CODE, type Step } from "./step.ts";

/** LIO answers these, above the ring; its state lies in /var/target/pr or /etc/target/pr. */
export const reservationSteps: readonly Step[] = [
  {
    tool: "sg_persist",
    test: "capabilities: all types, persist through power loss",
    run: ({ disk }) => `sg_persist -n -c ${disk}`,
    shows: [/\(PTPL_C\): 1/, /Write Exclusive, all registrants: 1/, /Exclusive Access: 1/],
  },
  ...[1, 3, 5, 6, 7, 8].map((type): Step => ({
    tool: "sg_persist",
    test: `register, reserve, read, release: type ${type}`,
    run: ({ disk }) =>
      `sg_persist -n --out --register --param-sark=abc ${disk}
       sg_persist -n --out --reserve --param-rk=abc --prout-type=${type} ${disk}
       sg_persist -n -r ${disk}; sg_persist -n -k ${disk}; sg_persist -n -s ${disk}
       sg_persist -n --out --release --param-rk=abc --prout-type=${type} ${disk}
       sg_persist -n --out --register --param-rk=abc --param-sark=0 ${disk}
       sg_persist -n -k ${disk}`,
    shows: [/Reservation follows[^]*0xabc/, /NO registered reservation keys/],
  })),
  {
    tool: "sg_persist",
    test: "a wrong key is a reservation conflict",
    run: ({ disk }) =>
      `sg_persist -n --out --register --param-sark=abc ${disk}
       sg_persist -n --out --reserve --param-rk=def --prout-type=1 ${disk}`,
    code: CODE.reservationConflict,
  },
  {
    tool: "sg_persist",
    test: "clear",
    run: ({ disk }) =>
      `sg_persist -n --out --clear --param-rk=abc ${disk}; sg_persist -n -k ${disk}`,
    shows: [/NO registered reservation keys/],
  },
  {
    tool: "sg_persist",
    test: "APTPL is kept in LIO's folder",
    run: ({ disk }) =>
      `sg_persist -n --out --register --param-sark=abc --param-aptpl ${disk}
       cat /var/target/pr/aptpl_* /etc/target/pr/aptpl_* 2>/dev/null || true
       sg_persist -n --out --clear --param-rk=abc ${disk}`,
    shows: [/PR_REG_START/],
  },
];

export const resetSteps: readonly Step[] = [
  {
    tool: "sg_reset",
    test: "a reset of the unit is told once",
    run: ({ disk, generic }) => `sg_reset --no-esc --device ${generic}; sg_turs -v ${disk}`,
    code: CODE.unitAttention,
    shows: [/Bus device reset function occurred|Power on, reset/],
  },
  {
    tool: "sg_reset",
    test: "and then it is ready",
    run: ({ disk }) => `sg_turs ${disk}`,
  },
];

export const mediumStateSteps: readonly Step[] = [
  {
    tool: "sg_start",
    test: "stop and start: other initiators still use the unit",
    run: ({ disk }) => `sg_start --stop ${disk}; sg_start --start ${disk}; sg_turs ${disk}`,
  },
  {
    tool: "sg_prevent",
    test: "prevented removal is refused, allowed removal is not",
    run: ({ removable }) =>
      `sg_prevent ${removable}
       ! sg_start --eject ${removable} || exit 1
       sg_turs ${removable}
       sg_prevent --allow ${removable}
       sg_start --eject ${removable}`,
  },
  {
    tool: "sg_turs",
    test: "an ejected medium is not present",
    run: ({ removable }) => `sg_turs -v ${removable}`,
    code: CODE.notReady,
    shows: [/Medium not present/],
  },
  {
    tool: "sg_start",
    test: "load: another medium, told once",
    run: ({ removable }) =>
      `sg_start --load ${removable}
       sg_turs -v ${removable} 2>&1 || true
       sg_turs ${removable}`,
  },
];
