# The routine of a bare child (bare_child.ts) on x86-64. Position independent, no stack in the child.
#
# int64_t start(page in %rdi): the child's process id, or an error's number below 0. The names in
# capitals are defined by scripts/generate_bare_child.ts. System calls keep all registers but %rax,
# %rcx and %r11; signals are blocked, so that no handler runs on a stack that two processes have.

    pushq   %rbx
    movq    %rdi, %rbx

    # All signals are blocked, from before the child begins.
    movl    $SYS_RT_SIGPROCMASK, %eax
    movl    $SIG_SETMASK, %edi
    leaq    FULL_MASK(%rbx), %rsi
    leaq    OLD_MASK(%rbx), %rdx
    movl    $SIGNAL_SET_LENGTH, %r10d
    syscall

    # clone(flags, stack: as it is, parent_tid, child_tid, tls)
    movl    $SYS_CLONE, %eax
    movl    $CLONE_FLAGS, %edi
    xorl    %esi, %esi
    xorl    %edx, %edx
    leaq    STATE(%rbx), %r10
    xorl    %r8d, %r8d
    syscall
    testq   %rax, %rax
    jz      child

    # The parent has its mask back.
    movq    %rax, %r8
    movl    $SYS_RT_SIGPROCMASK, %eax
    movl    $SIG_SETMASK, %edi
    leaq    OLD_MASK(%rbx), %rsi
    xorl    %edx, %edx
    movl    $SIGNAL_SET_LENGTH, %r10d
    syscall
    movq    %r8, %rax
    popq    %rbx
    ret

child:
    # No handler of the parent may run here, and what it ignores is not to be ignored by a program
    # that is executed. SIGKILL and SIGSTOP are refused, which is as well.
    movl    $SIGNAL_MAX, %r12d
reset:
    movl    $SYS_RT_SIGACTION, %eax
    movl    %r12d, %edi
    leaq    DEFAULT_ACTION(%rbx), %rsi
    xorl    %edx, %edx
    movl    $SIGNAL_SET_LENGTH, %r10d
    syscall
    decl    %r12d
    jnz     reset

wait:
    movl    SPINS(%rbx), %r12d
look:
    cmpl    $STATE_REQUEST, STATE(%rbx)
    je      serve
    pause
    subl    $1, %r12d
    jg      look

    movl    $SYS_FUTEX, %eax
    leaq    STATE(%rbx), %rdi
    movl    $FUTEX_WAIT, %esi
    movl    $STATE_READY, %edx
    leaq    PATIENCE(%rbx), %r10
    syscall
    cmpq    $-ETIMEDOUT, %rax
    jne     wait

    movl    $SYS_EXIT_GROUP, %eax
    movl    $EXIT_CODE, %edi
    syscall

serve:
    movq    COUNT(%rbx), %r12
    leaq    REQUESTS(%rbx), %r13
next:
    movq    NUMBER(%r13), %rax
    movq    ARGUMENTS(%r13), %rdi
    movq    ARGUMENTS+8(%r13), %rsi
    movq    ARGUMENTS+16(%r13), %rdx
    movq    ARGUMENTS+24(%r13), %r10
    movq    ARGUMENTS+32(%r13), %r8
    movq    ARGUMENTS+40(%r13), %r9
    syscall
    movq    %rax, RESULT(%r13)
    addq    $REQUEST_LENGTH, %r13
    decq    %r12
    jnz     next

    movl    $STATE_READY, STATE(%rbx)

    movl    $SYS_FUTEX, %eax
    leaq    STATE(%rbx), %rdi
    movl    $FUTEX_WAKE, %esi
    movl    $1, %edx
    syscall
    jmp     wait
