// Stands in for the hypervisor, so that Xen's xenstored and oxenstored run on a host without Xen, for clients on Unix sockets. Loaded
// into them before all other libraries: opening Xen's interfaces succeeds, there is one domain, the control domain, and what they
// keep in the system's directories is kept in XENSTORED_RUNDIR; their own files are found below STANDIN_ROOT.

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static char handle[64];
static int events = -1;

void *xc_interface_open(void *logger, void *dombuild, unsigned flags) { return handle; }
int xc_interface_close(void *xc) { return 0; }
void *xenevtchn_open(void *logger, unsigned flags) { events = eventfd(0, EFD_CLOEXEC); return handle; }
int xenevtchn_close(void *xce) { return 0; }
int xenevtchn_fd(void *xce) { return events; }
int xenevtchn_bind_virq(void *xce, unsigned virq) { return 1; }
int xenevtchn_bind_interdomain(void *xce, uint32_t domain, uint32_t port) { return 2; }
int xenevtchn_notify(void *xce, uint32_t port) { return 0; }
int xenevtchn_unmask(void *xce, uint32_t port) { return 0; }
int xenevtchn_unbind(void *xce, uint32_t port) { return 0; }
void *xengnttab_open(void *logger, unsigned flags) { return handle; }
int xengnttab_close(void *xcg) { return 0; }
int xengnttab_set_max_grants(void *xcg, uint32_t count) { return 0; }
int xengnttab_unmap(void *xcg, void *start, uint32_t count) { return 0; }
void *xengnttab_map_grant_ref(void *xcg, uint32_t domain, uint32_t ref, int prot) { return NULL; }
void *xc_map_foreign_range(void *xc, uint32_t domain, int size, int prot, unsigned long frame) { return NULL; }

// The structures' heads differ from version to version; all begin with the domain's number, and flags of zero are good news.
static int exists(uint32_t domain) { return domain == 0 || domain == 7; }
int xc_domain_getinfo(void *xc, uint32_t domain, unsigned max, void *info) {
    if (!exists(domain)) return 0;
    memset(info, 0, 32);
    memcpy(info, &domain, sizeof domain);
    return 1;
}
int xc_domain_getinfo_single(void *xc, uint32_t domain, void *info) {
    return xc_domain_getinfo(xc, domain, 1, info) == 1 ? 0 : -1;
}
int xc_domain_getinfolist(void *xc, uint32_t first, unsigned max, void *info) {
    return xc_domain_getinfo(xc, first, max, info);
}

// The limit of open files is as good as any.
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit) { return 0; }

static const char *place(const char *path, char buffer[512]) {
    static const char *const kept[] = {"/var/run/xen", "/var/log/xen", "/var/lib/xen", "/run/xen", "/proc/xen"};
    const char *dir = getenv("XENSTORED_RUNDIR"), *root = getenv("STANDIN_ROOT");
    if (root && !strncmp(path, "/usr/lib/xen-", 13)) {
        snprintf(buffer, 512, "%s%s", root, path);
        return buffer;
    }
    for (size_t i = 0; dir && i < sizeof kept / sizeof *kept; i++)
        if (!strncmp(path, kept[i], strlen(kept[i]))) {
            snprintf(buffer, 512, "%s/%s", dir, strrchr(path, '/') + 1);
            return buffer;
        }
    return path;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int bind(int fd, const struct sockaddr *address, socklen_t len) {
    struct sockaddr_un other = {.sun_family = AF_UNIX};
    char buffer[512];
    if (address->sa_family != AF_UNIX) return REAL(bind)(fd, address, len);
    snprintf(other.sun_path, sizeof other.sun_path, "%s", place(((const struct sockaddr_un *)address)->sun_path, buffer));
    return REAL(bind)(fd, (struct sockaddr *)&other, sizeof other);
}
int unlink(const char *path) { char b[512]; return REAL(unlink)(place(path, b)); }
int mkdir(const char *path, mode_t mode) { char b[512]; return REAL(mkdir)(place(path, b), mode); }
DIR *opendir(const char *path) { char b[512]; return REAL(opendir)(place(path, b)); }
void *dlopen(const char *path, int flags) { char b[512]; return REAL(dlopen)(path ? place(path, b) : path, flags); }
FILE *fopen(const char *path, const char *mode) { char b[512]; return REAL(fopen)(place(path, b), mode); }
int stat(const char *path, struct stat *st) { char b[512]; return REAL(stat)(place(path, b), st); }
int stat64(const char *path, struct stat64 *st) { char b[512]; return REAL(stat64)(place(path, b), st); }
static mode_t mode_of(int flags, va_list list) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0; }
int open(const char *path, int flags, ...) {
    char b[512];
    va_list list;
    va_start(list, flags);
    mode_t mode = mode_of(flags, list);
    va_end(list);
    return REAL(open)(place(path, b), flags, mode);
}
int open64(const char *path, int flags, ...) {
    char b[512];
    va_list list;
    va_start(list, flags);
    mode_t mode = mode_of(flags, list);
    va_end(list);
    return REAL(open64)(place(path, b), flags, mode);
}
