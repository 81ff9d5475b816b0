/*
 * The loop is the host's: blocks while they fit, then the footer. "Fits" is stricter here: the host looks at how
 * large the file is, and does not count the bytes in the pipe and in gpg. So no volume gets larger than its limit,
 * and none has to be filled up. (staging/volumeobject.h: how large a volume may become.)
 *
 * Waits and work are done without the GIL.
 */
#include "archive/packet.h"

#include <errno.h>
#include <fcntl.h>

#include "cpus.h"
#include "openpgp.h"

#include "archive/blockloop.h"
#include "archive/signing.h"
#include "duplicity/gpgoptions.h"
#include "python/errors.h"
#include "python/gil.h"
#include "staging/configuration.h"
#include "staging/volumeobject.h"

/*
 * By how much a message may be larger than its packet (RFC 9580): a packet with the session key for each recipient,
 * of at most 2 KiB with the keys that gpg 2.5 makes; headers, prefix and the checksum of the encrypted data, below
 * 256 bytes; a byte of length for each piece, which gpg makes of 8 KiB; with AEAD a tag of 16 bytes for each chunk,
 * of 64 KiB at the least that gpg makes on its own.
 */
#define MESSAGE_BYTES ((uint64_t)1024)
#define KEY_BYTES ((uint64_t)2048)
#define PACKET_BYTES_PER_BYTE 1024

/* Bytes in the pipe, which the kernel allows everybody (pipe(7)): a compressed block has room in it. */
#define PIPE_BYTES (1 << 20)

/*
 * Where gpg signs, disk space is allocated by the loop, once for so many bytes, as the thread behind gpg must not wait for
 * it. Space for 8 MiB more is there then (core/volume.h), and less than that is on its way to the file: these 512 KiB, 12
 * blocks of 512 KiB that are being compressed, and below 1 MiB in gpgs and pipes. Two gpgs are no faster than 4 threads
 * compress.
 */
#define ALLOCATE_EVERY ((uint64_t)512 * 1024)
#define SIGNING_THREADS_MAX 4
#define SIGNING_BLOCKS 12

struct packet {
	PyObject *filename; /* as it was given */
	PyObject *volume;   /* a Volume; NULL: it is of another file */
	struct stage_openpgp *openpgp;

	/* Where gpg signs: what has gpg_input and gpg_output, the files of its pipes; else NULL. */
	PyObject *signer;
	struct signing *signing;
	uint64_t since_allocated; /* bytes written since disk space was allocated */
};

static uint64_t
limit_of(uint64_t size, unsigned long keys)
{
	uint64_t bytes = MESSAGE_BYTES + KEY_BYTES * keys + size / PACKET_BYTES_PER_BYTE;

	return size > bytes ? size - bytes : 1;
}

/* OSError with the name of the file that gpg writes. */
static void
raise_error(void *context, const struct stage_error *error)
{
	const struct packet *packet = context;

	if (PyErr_Occurred())
		return;
	if (error->code != STAGE_E_SYSTEM) {
		errors_raise(error);
		return;
	}
	errno = error->sys_errno;
	PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, packet->filename);
}

/* An exception is pending, and is the one that counts. */
static int
stop(struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_SYSTEM, ECANCELED, "an exception ends the packet");
}

/* In a call of the core, without the GIL, before each write: one to a gpg that does not read is interrupted by a signal. */
static int
look_at_signals(void *context, struct stage_error *error)
{
	PyGILState_STATE state = gil_enter();
	int code = PyErr_CheckSignals();

	(void)context;
	PyGILState_Release(state);
	return code < 0 ? stop(error) : 0;
}

/* The same, and disk space is allocated a step ahead of gpg (core/volume.h). */
static int
allocate(void *context, struct stage_error *error)
{
	const struct packet *packet = context;
	PyGILState_STATE state = gil_enter();
	int code = PyErr_CheckSignals();

	if (code == 0)
		code = volumeobject_ahead(packet->volume, true);
	PyGILState_Release(state);
	return code < 0 ? stop(error) : 0;
}

/* Of the loop. */
static int
fits(void *context, uint64_t bytes, bool *ret_fits, struct stage_error *error)
{
	struct packet *packet = context;

	if (packet->signing)
		return signing_fits(packet->signing, bytes, ret_fits, error);
	return stage_openpgp_fits(packet->openpgp, bytes, ret_fits, error);
}

/* Of the loop. */
static int
pass_on(void *context, const void *data, size_t size, struct stage_error *error)
{
	struct packet *packet = context;
	int code = 0;

	if (!packet->signing)
		return stage_openpgp_write(packet->openpgp, data, size, error);
	packet->since_allocated += size;
	if (packet->volume && packet->since_allocated >= ALLOCATE_EVERY) {
		packet->since_allocated = 0;
		code = allocate(packet, error);
	}
	return code < 0 ? code : signing_write(packet->signing, data, size, error);
}

/* The loop, and what the iterator has for the end: 1 where it has come to its end, 0, or -1 with an exception. */
static int
write_blocks(struct packet *packet, PyObject *block_iter, uint64_t footer_max)
{
	const struct blockloop loop = {.block_iter = block_iter,
		.spared = footer_max,
		.counts_headers = true,
		.fits = fits,
		.write = pass_on,
		.fail = raise_error,
		.context = packet};
	int is_at_end = blockloop_run(&loop), code;
	PyObject *footer;

	if (is_at_end < 0)
		return -1;
	footer = PyObject_CallMethod(block_iter, "get_footer", NULL);
	code = footer ? blockloop_write(&loop, footer) : -1;
	Py_XDECREF(footer);
	return code < 0 ? -1 : is_at_end;
}

/* Where gpg signs: before would be called in the thread behind it, so it stays NULL. */
static void
set_for_signing(struct stage_openpgp_options *options)
{
	options->has_packets = true;
	options->blocks = SIGNING_BLOCKS;
	if (options->threads == 0)
		options->threads = stage_cpus_threads();
	if (options->threads > SIGNING_THREADS_MAX)
		options->threads = SIGNING_THREADS_MAX;
}

static int
open_packet(struct packet *packet, int fd, uint64_t limit, unsigned int threads, bool to_keys)
{
	struct stage_error error;
	const struct stage_settings *settings = configuration_settings(&error);
	struct stage_openpgp_options options = {.limit = limit, .context = packet};
	int code;

	if (!settings) {
		errors_raise(&error);
		return -1;
	}
	options.level = to_keys ? STAGE_OPENPGP_LEVEL_TO_KEYS : STAGE_OPENPGP_LEVEL;
	if (settings->gzip_level > 0)
		options.level = settings->gzip_level;
	options.threads = threads ? threads : (unsigned int)settings->gzip_threads;
	if (packet->signer) {
		set_for_signing(&options);
	} else {
		options.late_reader = true;
		options.before = packet->volume ? allocate : look_at_signals;
		(void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES); /* a user has a limit for all of them */
	}
	Py_BEGIN_ALLOW_THREADS
	code = stage_openpgp_open(fd, "the pipe to gpg", &options, &packet->openpgp, &error);
	Py_END_ALLOW_THREADS
	if (code < 0)
		raise_error(packet, &error);
	return code;
}

/* The descriptor of a file of the signer's, or -1 with an exception. */
static int
descriptor_of(PyObject *signer, const char *name)
{
	PyObject *file = PyObject_GetAttrString(signer, name);
	int fd = file ? PyObject_AsFileDescriptor(file) : -1;

	Py_XDECREF(file);
	return fd;
}

static int
begin_signing(struct packet *packet)
{
	struct stage_error error;
	int in, out, code;

	if (!packet->signer)
		return 0;
	in = descriptor_of(packet->signer, "gpg_input");
	out = in < 0 ? -1 : descriptor_of(packet->signer, "gpg_output");
	if (out < 0)
		return -1;
	code = signing_open(in, out, look_at_signals, packet->openpgp, &packet->signing, &error);
	if (code < 0)
		raise_error(packet, &error);
	return code;
}

/* All is written: gpg signs, and may ask the user for a passphrase before. 0, or -1 with an exception. */
static int
wait_for_signature(struct packet *packet)
{
	PyObject *file = PyObject_GetAttrString(packet->signer, "gpg_input"), *closed;
	struct stage_error error;
	bool ended = false;
	int code = 0;

	closed = file ? PyObject_CallMethod(file, "close", NULL) : NULL;
	Py_XDECREF(file);
	if (!closed)
		return -1;
	Py_DECREF(closed);
	while (code == 0 && !ended) {
		if (PyErr_CheckSignals() < 0)
			return -1;
		Py_BEGIN_ALLOW_THREADS
		code = signing_wait(packet->signing, &ended, &error);
		Py_END_ALLOW_THREADS
	}
	if (code < 0)
		raise_error(packet, &error);
	return code < 0 ? -1 : 0;
}

/* Returns result, or -1 with an exception; then gpg may still be there. */
static int
end_signing(struct packet *packet, int result)
{
	if (!packet->signing)
		return result;
	if (result >= 0 && wait_for_signature(packet) < 0)
		result = -1;
	Py_BEGIN_ALLOW_THREADS
	signing_close(&packet->signing);
	Py_END_ALLOW_THREADS
	return result;
}

/* Ends the packet; with an exception pending it is left as it is. Returns result, or -1. */
static int
close_packet(struct packet *packet, int result)
{
	struct stage_error error;
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = stage_openpgp_close(&packet->openpgp, result < 0, NULL, &error);
	Py_END_ALLOW_THREADS
	if (result < 0 || code == 0)
		return result;
	raise_error(packet, &error);
	return -1;
}

PyObject *
packet_write(PyObject *module, PyObject *arguments, PyObject *keywords)
{
	/* which Python does not change, but says so in later versions only */
	static const char *const names[] = {"block_iter", "filename", "fd", "size", "footer_max",
		"keys", "volume", "threads", "signer", "to_keys", NULL};
	struct packet packet = {0};
	PyObject *block_iter, *size, *footer_max;
	uint64_t bytes, footer_bytes;
	unsigned long keys;
	unsigned int threads = 0;
	int fd, to_keys = 0, result = -1;

	(void)module;
	if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOiOOkO|IOp:write_packet",
		    (char **)(uintptr_t)names, &block_iter, &packet.filename, &fd, &size,
		    &footer_max, &keys, &packet.volume, &threads, &packet.signer, &to_keys))
		return NULL;
	if (packet.volume == Py_None)
		packet.volume = NULL;
	if (packet.signer == Py_None)
		packet.signer = NULL;
	if (packet.volume && !volumeobject_of(packet.volume))
		return NULL;
	if (blockloop_bytes(size, &bytes) < 0 || blockloop_bytes(footer_max, &footer_bytes) < 0)
		return NULL;
	if (open_packet(&packet, fd, limit_of(bytes, keys), threads, to_keys) < 0)
		return NULL;
	if (begin_signing(&packet) == 0)
		result = write_blocks(&packet, block_iter, footer_bytes);
	result = close_packet(&packet, end_signing(&packet, result));
	return result < 0 ? NULL : PyLong_FromLong(result);
}

PyObject *
packet_gpg_against(PyObject *module, PyObject *arguments)
{
	struct gpgoptions_gpg gpg = {.sysconfdir = NULL};
	struct gpgoptions found = {.recipients = 0};
	struct stage_error error;
	const char *options;
	int signs, code;

	(void)module;
	if (!PyArg_ParseTuple(arguments, "yIIIp:gpg_against", &options, &gpg.version[0],
		    &gpg.version[1], &gpg.version[2], &signs))
		return NULL;
	gpg.signs = signs;
	/* of the environment it reads $GNUPGHOME and $HOME; duplicity sets a variable only behind a prompt */
	Py_BEGIN_ALLOW_THREADS
	code = gpgoptions_look(options, &gpg, &found, &error);
	Py_END_ALLOW_THREADS
	if (code < 0)
		return Py_BuildValue("(sk)", error.message, 0UL);
	return Py_BuildValue("(sk)", found.against, (unsigned long)found.recipients);
}
