/*
 * The extension module _stagedir: what Python sees of it, and nothing else. It is loaded by _stagehost.py,
 * built with the limited API of Python 3.11, so that one file serves every later Python 3, and not
 * unloaded. All of it is called with the GIL held; what may wait for a lock of the core, or for long,
 * gives it up meanwhile: the core's own threads need it.
 */
#include <Python.h>

#include "archive/blocks.h"
#include "archive/deltas.h"
#include "archive/filestat.h"
#include "archive/follower.h"
#include "archive/form.h"
#include "archive/listedpaths.h"
#include "archive/memberfile.h"
#include "archive/nospace.h"
#include "archive/packet.h"
#include "archive/pipe.h"
#include "archive/selection.h"
#include "archive/signaturereader.h"
#include "archive/sourcefile.h"
#include "archive/writefile.h"
#include "python/child.h"
#include "python/errors.h"
#include "python/exits.h"
#include "python/gil.h"
#include "python/object.h"
#include "reading/comparison.h"
#include "reading/message.h"
#include "reading/patchedpaths.h"
#include "reading/restore.h"
#include "reading/volumereader.h"
#include "staging/directory.h"
#include "staging/end.h"
#include "staging/fetchahead.h"
#include "staging/hostcheck.h"
#include "staging/archivefiles.h"
#include "staging/roots.h"
#include "staging/run.h"
#include "staging/staging.h"
#include "staging/targets.h"
#include "staging/urlsecrets.h"
#include "staging/volumeobject.h"

static PyMethodDef functions[] = {
	{"reclaim", roots_reclaim, METH_VARARGS,
		"reclaim(archive_dir=None)\n--\n\n"
		"Removes what dead runs left in every temp root and in archive_dir (str or bytes).\n"
		"Logs what it does; raises UserError for a wrong configuration file only. Returns how many\n"
		"directories were left for the sake of volumes that wait for storage."},
	{"watch_endings", exits_watch_endings, METH_NOARGS,
		"watch_endings()\n--\n\n"
		"From now on SIGTERM and SIGHUP clean up before they do what they did until now,\n"
		"and so do exec and the end of the interpreter. A TemporaryDirectory sees to it too.\n"
		"Signals are left alone outside of the main thread."},
	{"die_with", child_die_with, METH_O,
		"die_with(pid)\n--\n\n"
		"For preexec_fn of subprocess.Popen, in a child of the process pid: it gets SIGTERM when\n"
		"the thread that has started it is gone."},
	{"remove", directory_remove, METH_O,
		"remove(fname)\n--\n\n"
		"Removes a file (str or bytes) of a TemporaryDirectory of this process, by\n"
		"descriptor, and forgets it. One that is not tracked any more, as it was staged, is\n"
		"left alone: what its path leads to now may be another's. False: it is in none."},
	{"find_volume", volumeobject_find_object, METH_O,
		"find_volume(path)\n--\n\n"
		"The Volume that is to be made at just this path (str or bytes); None where there is\n"
		"none. For those who are handed a name alone."},
	{"read_signatures", signaturereader_read, METH_O,
		"read_signatures(sigtarobj)\n--\n\n"
		"Does what the host's diffdir.sigtar2path_iter does, where sigtarobj is a gzip file on\n"
		"disk, just opened: a SignatureReader. None: it is for the host's own."},
	{"combine_signatures", signaturereader_combine, METH_O,
		"combine_signatures(path_iter_list)\n--\n\n"
		"Does what the host's diffdir.combine_path_iters does, where all are SignatureReaders, the\n"
		"oldest first: one of all. None: they are for the host's own."},
	{"list_paths", listedpaths_new, METH_VARARGS,
		"list_paths(reader, say, only_ascii, for_programs)\n--\n\n"
		"Goes through a SignatureReader for list-current-files: a ListedPaths, which calls say(lines, control, last)\n"
		"for many paths at once, and gives those that the host tells of itself. only_ascii: lines for people can\n"
		"have nothing else; for_programs: control lines are wanted, too. None: reader is another iterator."},
	{"patched_paths", patchedpaths_new, METH_VARARGS,
		"patched_paths(readers, below)\n--\n\n"
		"Does what the host's patchdir.tarfiles2rop_iter does, where readers is a list of VolumeReaders, that\n"
		"of the oldest backup first: a PatchedPaths. below: the path that is restored, b'' for all. None: one\n"
		"of them is another iterator."},
	{"compare_paths", comparison_new, METH_VARARGS,
		"compare_paths(backup_paths, current_paths, compare_data)\n--\n\n"
		"Does what the host's diffdir.collate2iters does for a verify, where the first is a PatchedPaths and\n"
		"the second a Select that has a Selection: a Comparison. compare_data: is compared at all? None: they are\n"
		"for the host's own."},
	{"read_volumes", volumereader_read_volumes, METH_O,
		"read_volumes(diff_tarfile)\n--\n\n"
		"Does what the host's patchdir.difftar2path_iter does, where diff_tarfile is a\n"
		"TarFile_FromFileobjs of which nothing was read: a VolumeReader. None: it is for the host's own."},
	{"write_tree", restore_write_tree, METH_VARARGS,
		"write_tree(base_path, rop_iter, owners, ignores_errors, tells, tells_folders)\n--\n\n"
		"Does what the host's patchdir.Write_ROPaths does, where base_path does not exist or is an empty\n"
		"folder, and the first of rop_iter is a folder, too, and the base of all. owners: they are restored;\n"
		"ignores_errors: as --ignore-errors has it; tells: of each path, tells_folders: of each folder that is\n"
		"made. None: it is for the host's own, and nothing was taken from rop_iter."},
	{"gzip_write_file", (PyCFunction)(void (*)(void))writefile_gzip,
		METH_VARARGS | METH_KEYWORDS,
		"gzip_write_file(block_iter, filename, size=209715200, gzipped=True, waits=True)\n--\n\n"
		"Does what the host's gpg.GzipWriteFile does: writes blocks to the file while it has\n"
		"room for block_iter.get_read_size() bytes more, and is never larger than size bytes.\n"
		"Returns 1 at the end of the blocks, else 0. Compresses in several threads, as\n"
		"stagedir.conf says; raises OSError with errno and filename. Without space waits, for\n"
		"waits, while staged volumes are still handed off: a run's own thread may do that alone."},
	{"write_packet", (PyCFunction)(void (*)(void))packet_write, METH_VARARGS | METH_KEYWORDS,
		"write_packet(block_iter, filename, fd, size, footer_max, keys, volume, threads=0, signer=None,\n"
		"    to_keys=False)\n--\n\n"
		"Does what the loop of the host's gpg.GPGWriteFile does: gives blocks, and the footer, as an\n"
		"OpenPGP compressed packet to the gpg that reads from fd and writes the file, which is never\n"
		"larger than size bytes with so many packets of keys. Returns 1 at the end of the blocks, else 0.\n"
		"volume is the Volume that the file is, or None. Compresses in so many threads; 0: as stagedir.conf\n"
		"says. Raises OSError with errno and filename: EPIPE where gpg reads no more. signer is a gpg that signs\n"
		"before, with the files gpg_input, which is closed when all is written, and gpg_output; or None. to_keys: at the\n"
		"level for what gpg encrypts to keys (core/openpgp.h), unless stagedir.conf has one."},
	{"gpg_against", packet_gpg_against, METH_VARARGS,
		"gpg_against(options, major, minor, micro, signs)\n--\n\n"
		"Do options (bytes), or the files of options that the gpg of this version reads, speak against\n"
		"giving it packets, and where it signs, against another gpg for that? (WHY, KEYS): in words, ''\n"
		"where nothing does; how many packets of keys they add."},
	{"no_space", nospace_tell, METH_VARARGS,
		"no_space(filename, errno)\n--\n\n"
		"Why this file (str or bytes) could not be written, in words, where it was for want of space:\n"
		"so errno says, or its folder has next to none. None otherwise."},
	{"stages_ahead", targets_stages_ahead, METH_NOARGS,
		"stages_ahead()\n--\n\n"
		"Does the configuration have volumes staged ahead? Raises UserError for a wrong one."},
	{"check_settings", targets_check_settings, METH_NOARGS,
		"check_settings()\n--\n\n"
		"Raises UserError, with file, line and what is allowed, if a configuration file is wrong."},
	{"keep_secrets", urlsecrets_keep, METH_O,
		"keep_secrets(url)\n--\n\n"
		"From now on without_secrets() knows the secrets of this URL."},
	{"without_secrets", urlsecrets_without, METH_O,
		"without_secrets(text)\n--\n\n"
		"The text with *** in the place of secrets: of all URLs in it, and those kept."},
	{"shown_url", urlsecrets_shown_url, METH_O,
		"shown_url(url)\n--\n\n"
		"The URL as it may be shown: with *** in the place of its secrets."},
	{"note_error", run_note_error, METH_VARARGS,
		"note_error(text, code)\n--\n\n"
		"The host logs this error, with which it may end, and then ends with this code."},
	{"why_unproved", hostcheck_why_unproved, METH_VARARGS,
		"why_unproved(version, folder, table)\n--\n\n"
		"Why the host of this version, whose package is in folder, is none that is in the table\n"
		"(a path); '' where it is one."},
	{"compare", archivefiles_compare, METH_VARARGS,
		"compare(whole, part)\n--\n\n"
		"'whole' where the two files are the same, 'in part' where the second one is the beginning\n"
		"of the first, or None. Raises OSError."},
	{"expand", archivefiles_expand, METH_VARARGS,
		"expand(source, made)\n--\n\n"
		"Makes the file of which gzip has made source. Raises StagingError where source is damaged,\n"
		"OSError."},
	{"mending_plan", archivefiles_mending_plan, METH_VARARGS,
		"mending_plan(archived, stored, suffix)\n--\n\n"
		"What is to be done about a backup whose run was ended, as a list of (STEP, NAME, TO), whose\n"
		"STEP is a str, as plugin/duplicity/mending.h has it, TO bytes or None. archived and stored are\n"
		"lists of the files (KIND, NAME) that the archive directory and storage have of the backup, by\n"
		"KIND: 'manifest', 'signatures', the same with 'partial ' before it, 'proof', 'volume'. suffix (bytes) is\n"
		"that of compressed signatures."},
	{"is_ended", archivefiles_is_ended, METH_O,
		"is_ended(path)\n--\n\n"
		"Does the file end as a tar file does? Raises OSError."},
	{"read_manifest", archivefiles_read_manifest, METH_O,
		"read_manifest(path)\n--\n\n"
		"Of a partial manifest the number of the last volume, the SHA-1 (str) of that or None, and\n"
		"whether the host has come to its end. Raises OSError."},
	{"sync", archivefiles_sync, METH_VARARGS,
		"sync(path, like=None)\n--\n\n"
		"Has a file on disk, with the permissions of the file at like; of a directory its names,\n"
		"where that can be. Raises OSError."},
	{"clear_leftovers", archivefiles_clear_leftovers, METH_O,
		"clear_leftovers(path)\n--\n\n"
		"Removes the folders that backends of dead runs have left in the archive directory, whose lock\n"
		"the caller has."},
	{"take_over", targets_take_over, METH_O,
		"take_over(url)\n--\n\n"
		"Does the configuration say that this URL, which has no prefix, is to be staged?\n"
		"Raises UserError for a wrong configuration file."},
	{0},
};

static int
execute(PyObject *module)
{
	run_register(); /* first: what it does is done last */
	if (gil_watch_forks() < 0 || object_intern_names() < 0 || errors_add_type(module) < 0 ||
		directory_add_type(module) < 0)
		return -1;
	if (deltas_add_type(module) < 0 || blocks_add_type(module) < 0 ||
		sourcefile_add_type(module) < 0 || volumeobject_add_type(module) < 0 ||
		follower_add_type(module) < 0 || form_add_type(module) < 0 ||
		pipe_add_type(module) < 0 || filestat_add_type(module) < 0 ||
		selection_add_type(module) < 0 || memberfile_add_type(module) < 0 ||
		signaturereader_add_type(module) < 0 || listedpaths_add_type(module) < 0 ||
		volumereader_add_type(module) < 0 || patchedpaths_add_type(module) < 0 ||
		comparison_add_type(module) < 0 || fetchahead_add_type(module) < 0 ||
		message_add_type(module) < 0)
		return -1;
	end_register();
	return staging_add_type(module);
}

static PyModuleDef_Slot slots[] = {
	{Py_mod_exec, (void *)execute},
	{0, NULL},
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "_stagedir",
	.m_doc = "The tracked, securely created staging directory of stagedir for duplicity.",
	.m_methods = functions,
	.m_slots = slots,
};

PyMODINIT_FUNC PyInit__stagedir(void) __attribute__((visibility("default")));

PyMODINIT_FUNC
PyInit__stagedir(void)
{
	return PyModuleDef_Init(&definition);
}
