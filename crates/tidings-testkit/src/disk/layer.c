/*
 * A layer between a program and its files, loaded with LD_PRELOAD. Under one folder it counts the calls that change something
 * and, as the control page says, lets one fail, lets all fail from one on, runs out of space, kills the process, or notes every
 * change and every sync in a journal, from which the harness makes what a power cut would have left.
 *
 * The harness reads and writes the control page as a file while the program runs; disk.rs has the other end of every number here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, SYNC = 2, NAME = 4 };
enum { NOTHING, FAIL, KILL_BEFORE, KILL_AFTER };

struct control {
	uint64_t counted;  /* calls of these kinds so far */
	uint64_t kinds;    /* which kinds are counted */
	uint64_t at;       /* the call at which it happens; 0: never */
	uint64_t sticky;   /* and at every later one */
	uint64_t action;   /* what happens */
	uint64_t error;    /* errno of a failure */
	uint64_t fired;    /* how often it happened */
	uint64_t record;   /* journal on: syncs are noted instead of made */
	uint64_t capacity; /* bytes that fit; 0: no limit */
	uint64_t used;     /* bytes that are taken */
	uint64_t refused;  /* writes that found no room */
	uint64_t writes, syncs, names; /* all calls, by kind */
};

struct record {
	uint8_t op; /* w write, t truncate, s sync, f failed sync, c create, u unlink, r rename, d sync of the folder */
	uint8_t name;
	uint16_t unused;
	uint32_t data;
	uint64_t inode;
	uint64_t offset;
};

struct watched {
	ino_t inode;
	char is_watched, is_folder, is_noted, appends;
};

#define MOST_FDS 65536
static struct watched fds[MOST_FDS];
static struct control *control;
static char folder[4096];
static size_t folder_length;
static int journal = -1;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((typeof(&name))real(&real_##name, #name))
#define DECLARE(name) static void *real_##name
DECLARE(open);
DECLARE(close);
DECLARE(dup2);
DECLARE(write);
DECLARE(pwrite);
DECLARE(fsync);
DECLARE(fdatasync);
DECLARE(ftruncate);
DECLARE(unlink);
DECLARE(rename);

static void *real(void **slot, const char *name)
{
	if (!*slot)
		*slot = dlsym(RTLD_NEXT, name);
	return *slot;
}

__attribute__((constructor)) static void begin(void)
{
	const char *page = getenv("DISK_LAYER_CONTROL"), *under = getenv("DISK_LAYER_FOLDER"), *log = getenv("DISK_LAYER_JOURNAL");
	if (!page || !under || !log)
		return;
	int fd = REAL(open)(page, O_RDWR | O_CLOEXEC);
	void *memory = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	journal = REAL(open)(log, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0 || memory == MAP_FAILED || journal < 0 || strlen(under) >= sizeof folder)
		abort();
	REAL(close)(fd);
	strcpy(folder, under);
	folder_length = strlen(folder);
	control = memory;
}

static int ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && !strcmp(text + n - m, end);
}

/* The name inside the folder ("" for the folder itself); NULL: not ours. The lock file holds nothing. */
static const char *inside(const char *path)
{
	if (!control || strncmp(path, folder, folder_length))
		return NULL;
	path += folder_length;
	if (*path == '/')
		path++;
	else if (*path)
		return NULL;
	return ends_with(path, ".lock") ? NULL : path;
}

/* SQLite's index of the write-ahead log is memory, not data: it is made anew after a cut. */
static int is_noted(const char *name)
{
	return !ends_with(name, "-shm");
}

static void note(char op, ino_t inode, const char *name, size_t name_length, uint64_t offset, const void *data, size_t length)
{
	if (!control->record)
		return;
	struct record head = {op, name_length, 0, length, inode, offset};
	struct iovec parts[3] = {{&head, sizeof head}, {(void *)name, name_length}, {(void *)data, length}};
	if (writev(journal, parts, 3) != (ssize_t)(sizeof head + name_length + length))
		abort();
}

static void die(void)
{
	control->fired++;
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* Counts a call. 0: go on, and call done() after it; else the errno it fails with. */
static int before(int kind)
{
	*(kind == WRITE ? &control->writes : kind == SYNC ? &control->syncs : &control->names) += 1;
	if (!(control->kinds & kind))
		return 0;
	uint64_t n = ++control->counted;
	int hit = control->at && (n == control->at || (control->sticky && n > control->at));
	if (!hit)
		return 0;
	if (control->action == KILL_BEFORE)
		die();
	if (control->action != FAIL)
		return 0;
	control->fired++;
	return control->error;
}

static void done(int kind)
{
	if ((control->kinds & kind) && control->action == KILL_AFTER && control->at && control->counted == control->at)
		die();
}

static struct watched *watched(int fd)
{
	return control && fd >= 0 && fd < MOST_FDS && fds[fd].is_watched ? &fds[fd] : NULL;
}

static int fail(int error)
{
	pthread_mutex_unlock(&turn);
	errno = error;
	return -1;
}

static int opened(const char *path, int flags, mode_t mode)
{
	const char *name = inside(path);
	if (!name)
		return REAL(open)(path, flags, mode);
	pthread_mutex_lock(&turn);
	struct stat info;
	int writes = (flags & O_ACCMODE) != O_RDONLY;
	int is_new = (flags & O_CREAT) && stat(path, &info) != 0;
	int error = writes && (is_new || (control->kinds & NAME)) ? before(NAME) : 0;
	if (error)
		return fail(error);
	int fd = REAL(open)(path, flags, mode);
	if (fd >= 0 && fd < MOST_FDS && fstat(fd, &info) == 0) {
		struct watched of = {info.st_ino, 1, S_ISDIR(info.st_mode), is_noted(name), !!(flags & O_APPEND)};
		fds[fd] = of;
		if (is_new && of.is_noted)
			note('c', of.inode, name, strlen(name), 0, NULL, 0);
		if (!is_new && (flags & O_TRUNC) && of.is_noted)
			note('t', of.inode, NULL, 0, 0, NULL, 0);
	}
	if (writes)
		done(NAME);
	int after = errno;
	pthread_mutex_unlock(&turn);
	errno = after;
	return fd;
}

#define MODE                                                                                                           \
	mode_t mode = 0;                                                                                               \
	if (flags & (O_CREAT | __O_TMPFILE)) {                                                                         \
		va_list rest;                                                                                          \
		va_start(rest, flags);                                                                                 \
		mode = va_arg(rest, mode_t);                                                                           \
		va_end(rest);                                                                                          \
	}

int open(const char *path, int flags, ...)
{
	MODE
	return opened(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	MODE
	return opened(path, flags | O_LARGEFILE, mode);
}

int close(int fd)
{
	if (control && fd >= 0 && fd < MOST_FDS)
		fds[fd].is_watched = 0;
	return REAL(close)(fd);
}

int dup2(int from, int to)
{
	int fd = REAL(dup2)(from, to);
	if (control && from >= 0 && from < MOST_FDS && fd >= 0 && fd < MOST_FDS)
		fds[fd] = fds[from];
	return fd;
}

/* How much of a write fits; what is written over takes no room. */
static size_t fits(int fd, uint64_t offset, size_t length)
{
	struct stat info;
	if (!control->capacity || fstat(fd, &info) != 0)
		return length;
	uint64_t size = info.st_size, end = offset + length;
	if (end <= size)
		return length;
	uint64_t growth = end - size, room = control->capacity > control->used ? control->capacity - control->used : 0;
	if (growth <= room) {
		control->used += growth;
		return length;
	}
	control->refused++;
	uint64_t start = size > offset ? size - offset : 0;
	/* Nothing beyond a hole that does not fit either. */
	uint64_t part = offset > size ? 0 : start + room;
	if (part)
		control->used += room;
	return part;
}

static ssize_t written(int fd, struct watched *of, const void *data, size_t length, int64_t place)
{
	pthread_mutex_lock(&turn);
	int error = before(WRITE);
	if (error)
		return fail(error);
	struct stat info;
	uint64_t offset = place;
	if (place < 0)
		offset = of->appends && fstat(fd, &info) == 0 ? info.st_size : lseek(fd, 0, SEEK_CUR);
	size_t part = fits(fd, offset, length);
	if (length && !part)
		return fail(ENOSPC);
	if (of->is_noted)
		note('w', of->inode, NULL, 0, offset, data, part);
	ssize_t result = place < 0 ? REAL(write)(fd, data, part) : REAL(pwrite)(fd, data, part, place);
	done(WRITE);
	int after = errno;
	pthread_mutex_unlock(&turn);
	errno = after;
	return result;
}

ssize_t write(int fd, const void *data, size_t length)
{
	struct watched *of = watched(fd);
	return of ? written(fd, of, data, length, -1) : REAL(write)(fd, data, length);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset)
{
	struct watched *of = watched(fd);
	return of ? written(fd, of, data, length, offset) : REAL(pwrite)(fd, data, length, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset)
{
	return pwrite(fd, data, length, offset);
}

static int synced(int fd, struct watched *of, int (*sync)(int))
{
	pthread_mutex_lock(&turn);
	int error = before(SYNC);
	if (error) {
		if (of->is_noted)
			note('f', of->inode, NULL, 0, 0, NULL, 0);
		return fail(error);
	}
	/* A simulated disk keeps what the journal says it keeps. */
	int result = control->record ? 0 : sync(fd);
	if (result == 0 && of->is_noted)
		note(of->is_folder ? 'd' : 's', of->inode, NULL, 0, 0, NULL, 0);
	done(SYNC);
	int after = errno;
	pthread_mutex_unlock(&turn);
	errno = after;
	return result;
}

int fsync(int fd)
{
	struct watched *of = watched(fd);
	return of ? synced(fd, of, REAL(fsync)) : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
	struct watched *of = watched(fd);
	return of ? synced(fd, of, REAL(fdatasync)) : REAL(fdatasync)(fd);
}

int ftruncate(int fd, off_t length)
{
	struct watched *of = watched(fd);
	if (!of)
		return REAL(ftruncate)(fd, length);
	pthread_mutex_lock(&turn);
	int error = before(WRITE);
	if (error)
		return fail(error);
	struct stat info;
	if (control->capacity && fstat(fd, &info) == 0 && info.st_size > length)
		control->used -= info.st_size - length;
	if (of->is_noted)
		note('t', of->inode, NULL, 0, length, NULL, 0);
	int result = REAL(ftruncate)(fd, length);
	done(WRITE);
	pthread_mutex_unlock(&turn);
	return result;
}

int ftruncate64(int fd, off64_t length)
{
	return ftruncate(fd, length);
}

int unlink(const char *path)
{
	const char *name = inside(path);
	if (!name)
		return REAL(unlink)(path);
	pthread_mutex_lock(&turn);
	int error = before(NAME);
	if (error)
		return fail(error);
	struct stat info;
	int is_there = stat(path, &info) == 0;
	int result = REAL(unlink)(path);
	if (result == 0 && is_there) {
		if (control->capacity)
			control->used -= info.st_size;
		if (is_noted(name))
			note('u', 0, name, strlen(name), 0, NULL, 0);
	}
	done(NAME);
	int after = errno;
	pthread_mutex_unlock(&turn);
	errno = after;
	return result;
}

int rename(const char *from, const char *to)
{
	const char *old = inside(from), *new = inside(to);
	if (!old || !new)
		return REAL(rename)(from, to);
	pthread_mutex_lock(&turn);
	int error = before(NAME);
	if (error)
		return fail(error);
	int result = REAL(rename)(from, to);
	if (result == 0) {
		char names[256];
		int length = snprintf(names, sizeof names, "%s/%s", old, new);
		if (length < 0 || length >= (int)sizeof names)
			abort();
		note('r', 0, names, length, 0, NULL, 0);
	}
	done(NAME);
	int after = errno;
	pthread_mutex_unlock(&turn);
	errno = after;
	return result;
}
