/* Marks of counts.c: a `nop` with a long operand on x86, a constant for the zero register on Arm. */
#if defined(__aarch64__)
#define MARK(number) __asm__ volatile("movz xzr, #(0x5800 + " #number ")")
#else
#define MARK(number) __asm__ volatile(".byte 0x0f, 0x1f, 0x80, " #number ", 0x58, 0x45, 0x4e")
#endif
#define MARK_BEGIN MARK(0)
#define MARK_END MARK(1)
#define MARK_ENTRY MARK(2)
#define MARK_HANDLER MARK(3)
#define MARK_PEER MARK(4)
