/* The signatures expected here are the host's own: what its librsync.SigGenerator gives. */
#include "tests.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "digest.h"
#include "signature.h"

#define SIZE ((size_t)100000)

static const struct stage_signature_options usual = {
	.magic = STAGE_SIGNATURE_MD4, .block_length = 512, .strong_length = 8};

static unsigned char data[SIZE];

static void
fill(void)
{
	size_t i;

	for (i = 0; i < SIZE; i++)
		data[i] = (unsigned char)(i * i + 7 * i + (i >> 8) * 31);
}

/* The signature of size bytes of data, given cut bytes at a time; it is in the caller's struct. */
static const unsigned char *
compute(const struct stage_signature_options *options, size_t size, size_t cut, size_t *ret_length,
	struct stage_signature **ret_signature)
{
	const unsigned char *bytes = NULL;
	size_t done, piece;

	WORKS(stage_signature_open(options, ret_signature, &failure));
	for (done = 0; done < size; done += piece) {
		piece = size - done < cut ? size - done : cut;
		if (stage_signature_update(*ret_signature, data + done, piece, &failure) < 0)
			CHECK(false);
	}
	WORKS(stage_signature_end(*ret_signature, &bytes, ret_length, &failure));
	return bytes;
}

static void
check_golden(size_t size, size_t block_length, size_t length, const char *hex)
{
	struct stage_signature_options options = usual;
	struct stage_signature *signature;
	const unsigned char *bytes;
	char text[2 * 64 + 1] = "";
	size_t found, i;

	options.block_length = block_length;
	bytes = compute(&options, size, 1, &found, &signature);
	CHECK(found == length);
	for (i = 0; i < found && i < 64; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	CHECK(strncmp(text, hex, strlen(hex)) == 0);
	stage_signature_close(&signature);
}

static void
golden(void)
{
	fill();
	check_golden(0, 512, 12, "727301360000020000000008");
	check_golden(1, 512, 24, "727301360000020000000008001f001f47c61a0fa8738ba7");
	check_golden(512, 512, 24, "727301360000020000000008f6803d00d64818845a5a7ad1");
	check_golden(513, 512, 36,
		"727301360000020000000008f6803d00d64818845a5a7ad1005d005da21cefb8793d9185");
	check_golden(3000, 1000, 48,
		"72730136000003e8000000089f9c6b70f8a69bed348071b6481c67b004426073a61b4ddc939c71f0c0feff8ea561245e");
	check_golden(SIZE, 2048, 600, "727301360000080000000008");
}

/* However the bytes are cut, it is the same. */
static void
cuts(void)
{
	static const size_t lengths[] = {1, 7, 512, 2048, 65536, SIZE, 1 << 20};
	static const size_t cut[] = {1, 2, 3, 511, 512, 513, 1024, 4095, 65536};
	struct stage_signature_options options = usual;
	const unsigned char *whole, *bytes;
	struct stage_signature *first, *second;
	size_t i, j, length, other;

	fill();
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		options.block_length = lengths[i];
		whole = compute(&options, SIZE, SIZE, &length, &first);
		CHECK(length == 12 + 12 * ((SIZE + lengths[i] - 1) / lengths[i]));
		for (j = 0; j < sizeof(cut) / sizeof(cut[0]); j++) {
			bytes = compute(&options, SIZE, cut[j], &other, &second);
			CHECK(other == length && memcmp(bytes, whole, length) == 0);
			stage_signature_close(&second);
		}
		stage_signature_close(&first);
	}
}

static void
other_checksums(void)
{
	const struct stage_signature_options options = {
		.magic = STAGE_SIGNATURE_BLAKE2, .block_length = 1024, .strong_length = 32};
	struct stage_signature *signature;
	const unsigned char *bytes;
	size_t length;

	fill();
	bytes = compute(&options, 4096, 100, &length, &signature);
	CHECK(length == 12 + 4 * 36 && memcmp(bytes, "rs\x01\x37\0\0\4\0\0\0\0\x20", 12) == 0);
	stage_signature_close(&signature);
}

static void
arguments(void)
{
	static const struct stage_signature_options wrong[] = {
		{.magic = STAGE_SIGNATURE_MD4, .block_length = 0, .strong_length = 8},
		{.magic = STAGE_SIGNATURE_MD4, .block_length = 512, .strong_length = 0},
		{.magic = STAGE_SIGNATURE_MD4, .block_length = 512, .strong_length = 17},
		{.magic = STAGE_SIGNATURE_BLAKE2, .block_length = 512, .strong_length = 33},
		{.magic = 0x72730236, .block_length = 512, .strong_length = 8},
		{.magic = STAGE_SIGNATURE_MD4,
			.block_length = STAGE_SIGNATURE_BLOCK_MAX + 1,
			.strong_length = 8},
	};
	struct stage_signature *signature = NULL;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		FAILS(stage_signature_open(&wrong[i], &signature, &failure), STAGE_E_ARGUMENT);
	CHECK(signature == NULL);
	stage_signature_close(&signature);
}

static void
ended(void)
{
	const unsigned char *bytes, *again;
	struct stage_signature *signature;
	size_t length, other;

	bytes = compute(&usual, 1000, 300, &length, &signature);
	FAILS(stage_signature_update(signature, data, 1, &failure), STAGE_E_ARGUMENT);
	HAS(failure.message, "ended already");
	WORKS(stage_signature_end(signature, &again, &other, &failure));
	CHECK(again == bytes && other == length);
	stage_signature_close(&signature);
	CHECK(signature == NULL);
	FAILS(stage_signature_update(signature, data, 1, &failure), STAGE_E_ARGUMENT);
	HAS(failure.message, "not open");
	FAILS(stage_signature_end(signature, &again, &other, &failure), STAGE_E_ARGUMENT);
	HAS(failure.message, "not open");
	/* abandoned */
	WORKS(stage_signature_open(&usual, &signature, &failure));
	WORKS(stage_signature_update(signature, data, 100, &failure));
	stage_signature_close(&signature);
}

/* librsync, which ends the process where it gets no memory, asks for none while blocks pass. */
static void
memory(void)
{
	static unsigned char block[4 << 20];
	struct stage_signature_options options = usual;
	struct stage_signature *signature;
	const unsigned char *bytes;
	size_t length, before;
	int i;

	options.block_length = sizeof(block);
	before = mallinfo2().uordblks + mallinfo2().hblkhd;
	WORKS(stage_signature_open(&options, &signature, &failure));
	for (i = 0; i < 8; i++)
		WORKS(stage_signature_update(signature, block, sizeof(block), &failure));
	CHECK(mallinfo2().uordblks + mallinfo2().hblkhd - before < 16 * 1024);
	WORKS(stage_signature_update(signature, block, 1000, &failure));
	WORKS(stage_signature_end(signature, &bytes, &length, &failure));
	CHECK(length == 12 + 9 * 12);
	stage_signature_close(&signature);
}

/* The longest block there is costs nothing where the file is small. */
static void
longest(void)
{
	struct stage_signature_options options = usual;
	struct stage_signature *signature;
	size_t length;

	options.block_length = STAGE_SIGNATURE_BLOCK_MAX;
	compute(&options, 1000, 1000, &length, &signature);
	CHECK(length == 24);
	stage_signature_close(&signature);
}

static const struct test tests[] = {
	{"golden", golden},
	{"cuts", cuts},
	{"other_checksums", other_checksums},
	{"arguments", arguments},
	{"ended", ended},
	{"memory", memory},
	{"longest", longest},
	{NULL, NULL},
};

const struct suite suite_signature = {"signature", tests};
