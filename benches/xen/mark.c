/* Executes a mark of counts.c: `mark begin`, `mark end` or `mark entry`. */
#include <string.h>

#define MARK(number) __asm__ volatile(".byte 0x0f, 0x1f, 0x80, " #number ", 0x58, 0x45, 0x4e")

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    if (!strcmp(argv[1], "begin"))
        MARK(0);
    else if (!strcmp(argv[1], "end"))
        MARK(1);
    else if (!strcmp(argv[1], "entry"))
        MARK(2);
    else
        return 2;
    return 0;
}
