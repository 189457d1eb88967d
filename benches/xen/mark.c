/* Executes a mark of counts.c: `mark begin`, `mark end`, `mark entry` or `mark peer`. */
#include <string.h>

#include "mark.h"

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    if (!strcmp(argv[1], "begin"))
        MARK_BEGIN;
    else if (!strcmp(argv[1], "end"))
        MARK_END;
    else if (!strcmp(argv[1], "entry"))
        MARK_ENTRY;
    else if (!strcmp(argv[1], "peer"))
        MARK_PEER;
    else
        return 2;
    return 0;
}
