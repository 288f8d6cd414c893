// The routine of a bare child (bare_child.ts) on aarch64. Position independent, no stack in the child.
//
// int64_t start(page in x0): the child's process id, or an error's number below 0. The names in
// capitals are defined by scripts/generate_bare_child.ts. System calls keep all registers but x0;
// signals are blocked, so that no handler runs on a stack that two processes have.

    mov     x9, x0

    // All signals are blocked, from before the child begins.
    mov     x8, #SYS_RT_SIGPROCMASK
    mov     x0, #SIG_SETMASK
    add     x1, x9, #FULL_MASK
    add     x2, x9, #OLD_MASK
    mov     x3, #SIGNAL_SET_LENGTH
    svc     #0

    // clone(flags, stack: as it is, parent_tid, tls, child_tid)
    mov     x8, #SYS_CLONE
    movz    x0, #(CLONE_FLAGS & 0xffff)
    movk    x0, #(CLONE_FLAGS >> 16), lsl #16
    mov     x1, xzr
    mov     x2, xzr
    mov     x3, xzr
    add     x4, x9, #STATE
    svc     #0
    cbz     x0, child

    // The parent has its mask back.
    mov     x10, x0
    mov     x8, #SYS_RT_SIGPROCMASK
    mov     x0, #SIG_SETMASK
    add     x1, x9, #OLD_MASK
    mov     x2, xzr
    mov     x3, #SIGNAL_SET_LENGTH
    svc     #0
    mov     x0, x10
    ret

child:
    // No handler of the parent may run here, and what it ignores is not to be ignored by a program
    // that is executed. SIGKILL and SIGSTOP are refused, which is as well.
    mov     w10, #SIGNAL_MAX
reset:
    mov     x8, #SYS_RT_SIGACTION
    mov     w0, w10
    add     x1, x9, #DEFAULT_ACTION
    mov     x2, xzr
    mov     x3, #SIGNAL_SET_LENGTH
    svc     #0
    subs    w10, w10, #1
    b.ne    reset

    add     x11, x9, #STATE
wait:
    ldr     w10, [x9, #SPINS]
look:
    ldar    w12, [x11]
    cmp     w12, #STATE_REQUEST
    b.eq    serve
    yield
    subs    w10, w10, #1
    b.gt    look

    mov     x8, #SYS_FUTEX
    mov     x0, x11
    mov     x1, #FUTEX_WAIT
    mov     x2, #STATE_READY
    add     x3, x9, #PATIENCE
    svc     #0
    cmn     x0, #ETIMEDOUT
    b.ne    wait

    mov     x8, #SYS_EXIT_GROUP
    mov     x0, #EXIT_CODE
    svc     #0

serve:
    ldr     x10, [x9, #COUNT]
    add     x13, x9, #REQUESTS
next:
    ldr     x8, [x13, #NUMBER]
    ldp     x0, x1, [x13, #ARGUMENTS]
    ldp     x2, x3, [x13, #(ARGUMENTS + 16)]
    ldp     x4, x5, [x13, #(ARGUMENTS + 32)]
    svc     #0
    str     x0, [x13, #RESULT]
    add     x13, x13, #REQUEST_LENGTH
    subs    x10, x10, #1
    b.ne    next

    mov     w12, #STATE_READY
    stlr    w12, [x11]

    mov     x8, #SYS_FUTEX
    mov     x0, x11
    mov     x1, #FUTEX_WAKE
    mov     x2, #1
    svc     #0
    b       wait
