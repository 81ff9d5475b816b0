#include "archive/fresh.h"

#include <string.h>

#include "entry.h"
#include "signature.h"

#include "archive/member.h"
#include "archive/signatures.h"
#include "python/errors.h"
#include "python/object.h"

/* So many files are added to the host's statistics at a time. */
#define BATCH 64

struct fresh {
	PyObject *diffdir, *signatures;
	PyObject *listed;    /* the host's list of changed files; NULL: it keeps none */
	PyObject *kind;      /* what it says of a new one */
	size_t block_length; /* of the signatures of all files that are read ahead */

	Py_ssize_t count, source_size, new_size, delta_size;
};

/* Is the setting on? 1, 0, or -1 where the host has none of this name. */
static int
setting(const char *name)
{
	PyObject *value = object_attribute("duplicity.config", name);
	int is = value ? PyObject_IsTrue(value) : -1;

	Py_XDECREF(value);
	return is;
}

/* Does the host keep a list of changed files? 1, 0, or -1 where that cannot be told. */
static int
keeps_list(void)
{
	int wanted = setting("files_changed"), unwanted;

	if (wanted >= 0)
		return wanted;
	unwanted = setting("no_files_changed");
	return unwanted < 0 ? -1 : !unwanted;
}

/* Finds the list, where one is kept. false: the statistics are of another kind. */
static bool
find_list(struct fresh *fresh, PyObject *stats)
{
	PyObject *type = object_attribute("duplicity.statistics", "StatsDeltaProcess");
	bool is_known = type && Py_IS_TYPE(stats, (PyTypeObject *)type);
	int keeps = is_known ? keeps_list() : -1;

	Py_XDECREF(type);
	if (keeps == 1) {
		fresh->listed = PyObject_GetAttrString(stats, "files_changed");
		if (!fresh->listed || !PyList_CheckExact(fresh->listed))
			keeps = -1;
	}
	PyErr_Clear();
	return keeps >= 0;
}

/* The host's block size for a file of this size; 0 with an exception. */
static size_t
block_length_for(PyObject *diffdir, size_t size)
{
	PyObject *number = PyLong_FromSize_t(size), *length = NULL;
	size_t block_length = 0;

	if (number)
		length = PyObject_CallMethodObjArgs(
			diffdir, object_name_get_block_size, number, NULL);
	if (length)
		block_length = PyLong_AsSize_t(length);
	Py_XDECREF(length);
	Py_XDECREF(number);
	return PyErr_Occurred() ? 0 : block_length;
}

/* Block sizes grow with files: where the smallest and the largest file have the same, all have. */
static int
find_block_length(struct fresh *fresh)
{
	size_t most = block_length_for(fresh->diffdir, STAGE_WALK_CONTENT_MAX);

	if (PyErr_Occurred())
		return -1;
	fresh->block_length = block_length_for(fresh->diffdir, 0);
	if (PyErr_Occurred())
		return -1;
	return fresh->block_length == most;
}

/* 1; 0 where it cannot be used, -1 with an exception. */
static int
init(struct fresh *fresh, PyObject *diffdir, PyObject *signatures)
{
	PyObject *stats = PyObject_GetAttr(diffdir, object_name_stats);
	bool is_known;

	if (!stats)
		return -1;
	fresh->diffdir = Py_NewRef(diffdir);
	fresh->signatures = Py_NewRef(signatures);
	is_known = find_list(fresh, stats);
	Py_DECREF(stats);
	if (!is_known)
		return 0;
	fresh->kind = PyBytes_FromString("new");
	return fresh->kind ? find_block_length(fresh) : -1;
}

struct fresh *
fresh_new(PyObject *diffdir, PyObject *signatures)
{
	struct fresh *fresh = PyMem_Calloc(1, sizeof(*fresh));

	if (!fresh) {
		PyErr_NoMemory();
		return NULL;
	}
	if (init(fresh, diffdir, signatures) != 1)
		fresh_free(&fresh);
	return fresh;
}

void
fresh_free(struct fresh **fresh)
{
	if (!*fresh)
		return;
	Py_CLEAR((*fresh)->diffdir);
	Py_CLEAR((*fresh)->signatures);
	Py_CLEAR((*fresh)->listed);
	Py_CLEAR((*fresh)->kind);
	PyMem_Free(*fresh);
	*fresh = NULL;
}

bool
fresh_can(const struct selection_found *found)
{
	const struct stat *stat = found->entry ? found->entry->stat : NULL;

	/* of a time before 1970 the host warns */
	return stat && (S_ISREG(stat->st_mode) || S_ISDIR(stat->st_mode)) &&
	       stage_entry_seconds(&stat->st_mtim) >= 0;
}

/* As the host's list has it: (path, kind). */
static int
list(struct fresh *fresh, const char *path)
{
	PyObject *name = PyBytes_FromString(path), *both = NULL;
	int code = -1;

	if (name)
		both = PyTuple_Pack(2, name, fresh->kind);
	if (both)
		code = PyList_Append(fresh->listed, both);
	Py_XDECREF(both);
	Py_XDECREF(name);
	return code;
}

/* What the host's add_new_file() does, and what is counted while a file is read. */
static int
count(struct fresh *fresh, const struct selection_found *found, const struct stage_content *content)
{
	Py_ssize_t size = (Py_ssize_t)found->entry->stat->st_size;

	if (fresh->listed && content && list(fresh, found->relative) < 0)
		return -1;
	fresh->count++;
	fresh->new_size += size;
	fresh->source_size += size;
	fresh->delta_size += content ? size : 0;
	return fresh->count < BATCH ? 0 : fresh_flush(fresh);
}

/* The content's signature becomes a member of the archive; without the GIL until then. */
static int
sign(struct fresh *fresh, const struct stage_member *member, const struct stage_content *content)
{
	const struct stage_signature_options options = {.magic = STAGE_SIGNATURE_MD4,
		.strong_length = 8,
		.block_length = fresh->block_length};
	struct stage_signature *signature = NULL;
	struct stage_error error;
	const unsigned char *bytes;
	size_t size;
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = stage_signature_open(&options, &signature, &error);
	if (code == 0)
		code = stage_signature_update(signature, content->bytes, content->size, &error);
	if (code == 0)
		code = stage_signature_end(signature, &bytes, &size, &error);
	Py_END_ALLOW_THREADS
	if (code < 0)
		errors_raise(&error);
	else
		code = signatures_add_member(fresh->signatures, member, bytes, size);
	stage_signature_close(&signature);
	return code;
}

int
fresh_add(struct fresh *fresh, const struct selection_found *found,
	const struct stage_content *content, struct stage_member *ret_member)
{
	const struct stat *stat = found->entry->stat;
	struct stage_member member = {.kind = STAGE_MEMBER_SNAPSHOT,
		.type = content ? STAGE_MEMBER_FILE : STAGE_MEMBER_DIRECTORY,
		.name = found->relative,
		.mode = stat->st_mode & 07777,
		.uid = stat->st_uid,
		.gid = stat->st_gid,
		.mtime = (int64_t)stage_entry_seconds(&stat->st_mtim)};

	if (member_name_owner(&member) < 0 || count(fresh, found, content) < 0)
		return -1;
	*ret_member = member;
	if (!content)
		return signatures_add_member(fresh->signatures, &member, NULL, 0);
	member.kind = STAGE_MEMBER_SIGNATURE;
	return sign(fresh, &member, content);
}

/* Adds to one of the host's numbers. */
static int
add(struct fresh *fresh, PyObject *name, Py_ssize_t number)
{
	return number == 0 ? 0 : object_count(fresh->diffdir, name, number);
}

int
fresh_flush(struct fresh *fresh)
{
	struct fresh counted;

	if (!fresh || fresh->count == 0)
		return 0;
	counted = *fresh;
	fresh->count = fresh->new_size = fresh->source_size = fresh->delta_size = 0;
	if (add(fresh, object_name_SourceFiles, counted.count) < 0 ||
		add(fresh, object_name_NewFiles, counted.count) < 0 ||
		add(fresh, object_name_DeltaEntries, counted.count) < 0 ||
		add(fresh, object_name_NewFileSize, counted.new_size) < 0 ||
		add(fresh, object_name_SourceFileSize, counted.source_size) < 0 ||
		add(fresh, object_name_RawDeltaSize, counted.delta_size) < 0)
		return -1;
	return 0;
}
