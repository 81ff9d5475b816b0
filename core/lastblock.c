/*
 * Two tables tell of the next bits of the stream, what they stand for. One is for a literal or a length,
 * the other for the distance that follows a length. Of an entry, two things are needed: how many bits it
 * takes, and for how many bytes it stands. A distance stands for none. Where the index has room for it, an
 * entry is a length with its distance: that saves a fourth of the time.
 *
 * Each step is the same, whatever the symbol is, so that the processor has nothing to guess. A code that is
 * longer than the index is rare, and decoded bit by bit.
 *
 * A refill leaves at least 56 bits. Two steps take at most 15 + 13 of a distance and then 11 + 13 of a
 * length with its distance, or 15 + 5 of a length alone.
 */
#include "lastblock.h"

#include <endian.h>
#include <string.h>

#define INDEX_BITS 11
#define INDEX_MASK ((1u << INDEX_BITS) - 1)
#define ORDER_BITS 7 /* no code for code lengths is longer */
#define CODE_BITS_MAX 15

#define LITERALS_AND_LENGTHS 286
#define DISTANCES 30
#define END_OF_BLOCK 256
#define ORDERS 19 /* symbols of the code by which code lengths are told */

/*
 * An entry: bits to take; from bit 8 on, where in these the extra bits of a length begin; from bit 16 on,
 * bytes, to which these extra bits are to be added; from bit 25 on, bits of the code of a distance.
 */
#define ENTRY(bytes, extra_at, bits)                                                               \
	((uint32_t)(bytes) << 16 | (uint32_t)(extra_at) << 8 | (uint32_t)(bits))
#define BITS_OF(entry) ((entry)&0x3f)
#define EXTRA_AT(entry) ((entry) >> 8 & 0x1f)
#define BYTES_OF(entry) ((entry) >> 16 & 0x1ff)
#define CODE_SHIFT 25
#define CODE_BITS_OF(entry) ((entry) >> CODE_SHIFT & 0xf)

/* A length, after which a distance comes. As a number it is the size of a table. */
#define LENGTH (sizeof(uint32_t) << INDEX_BITS)
/* The end of the block, if there are bits to take; else a code that is longer than the index, or no code. */
#define SPECIAL 0x80000000u

/* Bits that were read and not yet taken. Above left, bits holds some of those that follow, or 0. */
struct reader {
	uint64_t bits;
	unsigned int left;
	unsigned int invented; /* bytes behind the end, taken for 0; some of them may be in bits */
	const unsigned char *start, *next, *end;
};

/* A canonical Huffman code (RFC 1951, 3.2.2). */
struct code {
	uint16_t counts[CODE_BITS_MAX + 1];         /* codes of each length */
	uint16_t symbols[LITERALS_AND_LENGTHS + 2]; /* in the order of their codes */
};

struct tables {
	struct code lengths, distances;
	uint32_t length[1 << INDEX_BITS], distance[1 << INDEX_BITS];
};

_Static_assert((LENGTH & 0x1fff) == 0 && LENGTH < 1 << 16, "the flag is between the other fields");
_Static_assert(offsetof(struct tables, distance) - offsetof(struct tables, length) == LENGTH,
	"the flag leads to the table of distances");

static struct reader
refill_at_end(struct reader reader)
{
	while (reader.left < 56) {
		if (reader.next < reader.end)
			reader.bits |= (uint64_t)*reader.next++ << reader.left;
		else
			reader.invented++;
		reader.left += 8;
	}
	return reader;
}

/* False where bits were taken for sure that the stream does not have. */
static inline bool
refill(struct reader *reader)
{
	uint64_t bits;

	if (__builtin_expect(reader->end - reader->next < 8, 0)) {
		*reader = refill_at_end(*reader);
		return reader->invented <= 8;
	}
	memcpy(&bits, reader->next, sizeof(bits));
	reader->bits |= le64toh(bits) << reader->left;
	reader->next += (63 - reader->left) >> 3;
	reader->left |= 56;
	return true;
}

static inline void
skip(struct reader *reader, unsigned int bits)
{
	reader->bits >>= bits;
	reader->left -= bits;
}

/* Up to 16 bits, of those that a refill made sure of. */
static unsigned int
take(struct reader *reader, unsigned int bits)
{
	unsigned int value = (unsigned int)reader->bits & ((1u << bits) - 1);

	skip(reader, bits);
	return value;
}

/* Were bits taken that the stream does not have? */
static bool
is_beyond(const struct reader *reader)
{
	return 8 * (uint64_t)reader->invented > reader->left;
}

static uint64_t
position(const struct reader *reader)
{
	return 8 * (uint64_t)(reader->next - reader->start) + 8 * (uint64_t)reader->invented -
	       reader->left;
}

/* False where bits stand for several symbols; *ret_unused is how many of the longest codes are unused. */
static bool
make_code(struct code *code, const uint8_t *lengths, unsigned int symbols, unsigned int *ret_unused)
{
	uint16_t offsets[CODE_BITS_MAX + 2] = {0};
	unsigned int i, unused = 1;

	memset(code->counts, 0, sizeof(code->counts));
	for (i = 0; i < symbols; i++)
		code->counts[lengths[i]]++;
	code->counts[0] = 0;
	for (i = 1; i <= CODE_BITS_MAX; i++) {
		unused *= 2;
		if (unused < code->counts[i])
			return false;
		unused -= code->counts[i];
		offsets[i + 1] = (uint16_t)(offsets[i] + code->counts[i]);
	}
	for (i = 0; i < symbols; i++)
		if (lengths[i])
			code->symbols[offsets[lengths[i]]++] = (uint16_t)i;
	*ret_unused = unused;
	return true;
}

/* The symbol that bits begin with, and the length of its code; -1 for none. */
static int
decode(const struct code *code, uint64_t bits, unsigned int *ret_length)
{
	unsigned int value = 0, first = 0, index = 0, length;

	for (length = 1; length <= CODE_BITS_MAX; length++, bits >>= 1) {
		value = value << 1 | (unsigned int)(bits & 1);
		first <<= 1;
		if (value - first < code->counts[length]) {
			*ret_length = length;
			return code->symbols[index + value - first];
		}
		index += code->counts[length];
		first += code->counts[length];
	}
	return -1;
}

static uint32_t
length_entry(unsigned int symbol, unsigned int bits)
{
	unsigned int extra;

	if (symbol < END_OF_BLOCK)
		return ENTRY(1, bits, bits);
	if (symbol == END_OF_BLOCK)
		return SPECIAL | bits;
	if (symbol >= LITERALS_AND_LENGTHS)
		return SPECIAL;
	if (symbol == LITERALS_AND_LENGTHS - 1)
		return LENGTH | ENTRY(258, bits, bits);
	symbol -= END_OF_BLOCK + 1;
	if (symbol < 8)
		return LENGTH | ENTRY(3 + symbol, bits, bits);
	extra = symbol / 4 - 1;
	return LENGTH | ENTRY(3 + ((4 + symbol % 4) << extra), bits, bits + extra);
}

static uint32_t
distance_entry(unsigned int symbol, unsigned int bits)
{
	unsigned int all = bits + (symbol < 4 ? 0 : symbol / 2 - 1);

	if (symbol >= DISTANCES)
		return SPECIAL;
	return bits << CODE_SHIFT | ENTRY(0, all, all);
}

/* In the place of bytes: the symbol. */
static uint32_t
order_entry(unsigned int symbol, unsigned int bits)
{
	return ENTRY(symbol, bits, bits);
}

static unsigned int
reverse(unsigned int value, unsigned int bits)
{
	value = (value & 0x5555) << 1 | (value >> 1 & 0x5555);
	value = (value & 0x3333) << 2 | (value >> 2 & 0x3333);
	value = (value & 0x0f0f) << 4 | (value >> 4 & 0x0f0f);
	value = (value & 0x00ff) << 8 | (value >> 8 & 0x00ff);
	return value >> (16 - bits);
}

/* A table of codes of one length is twice the one before, with those of that length put in. */
static void
fill(uint32_t *table, unsigned int index_bits, const struct code *code,
	uint32_t (*entry)(unsigned int symbol, unsigned int bits))
{
	const uint16_t *symbol = code->symbols;
	unsigned int bits, i, value = 0;

	table[0] = SPECIAL;
	for (bits = 1; bits <= index_bits; bits++, value <<= 1) {
		memcpy(table + (1u << (bits - 1)), table, sizeof(*table) << (bits - 1));
		for (i = 0; i < code->counts[bits]; i++)
			table[reverse(value++, bits)] = entry(*symbol++, bits);
	}
}

/* Where the index holds a length with its extra bits, and the code of the distance: both in one entry. */
static void
merge(struct tables *tables)
{
	unsigned int i, bits, extra;
	uint32_t length, distance;

	for (i = 0; i < 1u << INDEX_BITS; i++) {
		length = tables->length[i];
		bits = BITS_OF(length);
		if (!(length & LENGTH) || bits > INDEX_BITS)
			continue;
		distance = tables->distance[i >> bits];
		if ((distance & SPECIAL) || bits + CODE_BITS_OF(distance) > INDEX_BITS)
			continue;
		extra = (i & ((1u << bits) - 1)) >> EXTRA_AT(length);
		bits += BITS_OF(distance);
		tables->length[i] = ENTRY(BYTES_OF(length) + extra, bits, bits);
	}
}

/* A code that leaves bits without a symbol is one of a single symbol, or of none. */
static bool
may_leave(const struct code *code, unsigned int unused)
{
	unsigned int i, longer = 0;

	for (i = 2; i <= CODE_BITS_MAX; i++)
		longer += code->counts[i];
	return unused == 0 || longer == 0;
}

static bool
set_codes(struct tables *tables, const uint8_t *lengths, unsigned int of_lengths,
	unsigned int of_distances)
{
	unsigned int unused;

	if (!make_code(&tables->lengths, lengths, of_lengths, &unused) ||
		!may_leave(&tables->lengths, unused) ||
		!make_code(&tables->distances, lengths + of_lengths, of_distances, &unused) ||
		!may_leave(&tables->distances, unused))
		return false;
	fill(tables->length, INDEX_BITS, &tables->lengths, length_entry);
	fill(tables->distance, INDEX_BITS, &tables->distances, distance_entry);
	merge(tables);
	return true;
}

static bool
set_fixed_codes(struct tables *tables)
{
	uint8_t lengths[288 + 32];

	memset(lengths, 8, 144);
	memset(lengths + 144, 9, 256 - 144);
	memset(lengths + 256, 7, 280 - 256);
	memset(lengths + 280, 8, 288 - 280);
	memset(lengths + 288, 5, 32);
	return set_codes(tables, lengths, 288, 32);
}

/* Code lengths as a block tells them, themselves by a code. */
static bool
read_lengths(struct reader *reader, const uint32_t *orders, uint8_t *lengths, unsigned int count)
{
	unsigned int done = 0, symbol, times;
	uint32_t entry;
	uint8_t value;

	while (done < count) {
		if (!refill(reader))
			return false;
		entry = orders[reader->bits & ((1u << ORDER_BITS) - 1)];
		symbol = BYTES_OF(entry);
		if (symbol == 16 && done == 0)
			return false;
		skip(reader, BITS_OF(entry));
		value = symbol == 16 ? lengths[done - 1] : symbol < 16 ? (uint8_t)symbol : 0;
		times = 1;
		if (symbol == 16)
			times = 3 + take(reader, 2);
		else if (symbol == 17)
			times = 3 + take(reader, 3);
		else if (symbol == 18)
			times = 11 + take(reader, 7);
		if (times > count - done)
			return false;
		memset(lengths + done, value, times);
		done += times;
	}
	return lengths[END_OF_BLOCK] != 0;
}

static bool
read_codes(struct reader *reader, struct tables *tables)
{
	static const uint8_t order[ORDERS] = {
		16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
	uint8_t lengths[LITERALS_AND_LENGTHS + DISTANCES] = {0};
	unsigned int of_lengths, of_distances, orders, i, unused;

	if (!refill(reader))
		return false;
	of_lengths = 257 + take(reader, 5);
	of_distances = 1 + take(reader, 5);
	orders = 4 + take(reader, 4);
	if (of_lengths > LITERALS_AND_LENGTHS || of_distances > DISTANCES)
		return false;
	for (i = 0; i < orders; i++) {
		if (!refill(reader))
			return false;
		lengths[order[i]] = (uint8_t)take(reader, 3);
	}
	if (!make_code(&tables->lengths, lengths, ORDERS, &unused) || unused > 0)
		return false;
	fill(tables->length, ORDER_BITS, &tables->lengths, order_entry);
	return read_lengths(reader, tables->length, lengths, of_lengths + of_distances) &&
	       set_codes(tables, lengths, of_lengths, of_distances);
}

/* A special entry, looked at closely; 0: no code. */
static uint32_t
look(const struct tables *tables, const uint32_t *table, uint64_t bits)
{
	bool is_distance = table == tables->distance;
	unsigned int length;
	uint32_t entry;
	int symbol;

	symbol = decode(is_distance ? &tables->distances : &tables->lengths, bits, &length);
	if (symbol < 0)
		return 0;
	entry = is_distance ? distance_entry((unsigned int)symbol, length)
			    : length_entry((unsigned int)symbol, length);
	return entry == SPECIAL ? 0 : entry;
}

/* Counts what the symbols of a block stand for. */
static bool
walk(struct reader *caller, const struct tables *tables, uint64_t *size)
{
	struct reader reader = *caller;
	const uint32_t *table = tables->length;
	uint64_t bytes = *size;
	unsigned int step;
	uint32_t entry;

	for (step = 0;; step ^= 1) {
		if (step == 0 && !refill(&reader))
			return false;
		entry = table[reader.bits & INDEX_MASK];
		if (__builtin_expect(entry & SPECIAL, 0)) {
			entry = look(tables, table, reader.bits);
			if (!entry)
				return false;
			if (entry & SPECIAL)
				break;
		}
		bytes += BYTES_OF(entry);
		bytes += (reader.bits & ((1u << BITS_OF(entry)) - 1)) >> EXTRA_AT(entry);
		skip(&reader, BITS_OF(entry));
		table = (const uint32_t *)((const char *)tables->length + (entry & LENGTH));
	}
	skip(&reader, BITS_OF(entry));
	*caller = reader;
	*size = bytes;
	return true;
}

/* Goes past bytes that are stored as they are. */
static bool
pass_stored(struct reader *reader, uint64_t *size)
{
	uint64_t at = (position(reader) + 7) / 8, length, inverted;
	uint64_t size_of_all = (uint64_t)(reader->end - reader->start);
	const unsigned char *head;

	if (at > size_of_all || size_of_all - at < 4)
		return false;
	head = reader->start + at;
	length = head[0] | (uint64_t)head[1] << 8;
	inverted = head[2] | (uint64_t)head[3] << 8;
	if ((length ^ inverted) != 0xffff || (uint64_t)(reader->end - head - 4) < length)
		return false;
	*reader = (struct reader){
		.start = reader->start, .next = head + 4 + length, .end = reader->end};
	*size += length;
	return true;
}

static bool
pass_block(struct reader *reader, unsigned int type, struct tables *tables, uint64_t *size)
{
	switch (type) {
	case 0:
		return pass_stored(reader, size);
	case 1:
		return set_fixed_codes(tables) && walk(reader, tables, size);
	case 2:
		return read_codes(reader, tables) && walk(reader, tables, size);
	default:
		return false;
	}
}

bool
stage_lastblock_find(const unsigned char *stream, size_t size, struct stage_lastblock *ret_last)
{
	struct reader reader = {.start = stream, .next = stream, .end = stream + size};
	struct stage_lastblock last = {0};
	struct tables tables;
	bool is_last;

	do {
		last.header = position(&reader);
		if (!refill(&reader))
			return false;
		is_last = take(&reader, 1);
		if (!pass_block(&reader, take(&reader, 2), &tables, &last.size) ||
			is_beyond(&reader))
			return false;
	} while (!is_last);
	last.end = position(&reader);
	*ret_last = last;
	return true;
}
