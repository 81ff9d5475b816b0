/*
 * Two tables tell of the next bits of the stream, what they stand for. One is for a literal or a length,
 * the other for the distance that follows a length. Of an entry, two things are needed: how many bits it
 * takes, and for how many bytes it stands. A distance stands for none. Where the index has room for it, an
 * entry is a length with its distance.
 *
 * A step takes an entry. Each one is the same, so that the processor has nothing to guess. What is no step is
 * rare: a code or a length that the index has no room for, and the end of a block.
 *
 * A step has to wait for the one before it. Two streams are read in turn, so that the processor has the other
 * one to go on with.
 *
 * A refill leaves at least 56 bits. Two steps take at most 11 + 13 bits each, for a length with its distance.
 * What is no step takes at most 15 + 13, for a distance.
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
 * An entry: bits to take; from bit 8 on, how many bits of the index tell it; the flag that a distance follows;
 * from bit 16 on, bytes. In a special entry there is a symbol in their place, if there are bits to take. If
 * there are none, the code is longer than the index, or it is no code.
 */
#define ENTRY(bytes, known, bits)                                                                  \
	((uint32_t)(bytes) << 16 | (uint32_t)(known) << 8 | (uint32_t)(bits))
#define SPECIAL 0x80000000u
#define SPECIAL_ENTRY(symbol, bits) (SPECIAL | ENTRY(symbol, INDEX_BITS + 1, bits))
#define BITS_OF(entry) ((entry)&0xff)
#define KNOWN_OF(entry) ((entry) >> 8 & 0x1f)
#define BYTES_OF(entry) ((entry) >> 16)
#define SYMBOL_OF(entry) ((entry) >> 16 & 0x7fff)

/* The flag that a distance follows. As a number it is the size of a table. */
#define LENGTH (sizeof(uint32_t) << INDEX_BITS)

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

/* Where a walk is. */
struct place {
	struct reader reader;
	const uint32_t *table; /* for what comes next */
	uint64_t size;         /* bytes that all before it unpacks to */
};

enum state { DAMAGED, IN_BLOCK, AT_END };

struct walk {
	struct place at;
	enum state state;
	bool is_last;         /* the block */
	uint64_t header, end; /* as in struct stage_lastblock */
	struct tables tables; /* of the block */
};

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

/* The least bytes of a length, and how many extra bits tell of more. */
static unsigned int
length_of(unsigned int symbol, unsigned int *ret_extra)
{
	*ret_extra = 0;
	if (symbol == LITERALS_AND_LENGTHS - 1)
		return 258;
	symbol -= END_OF_BLOCK + 1;
	if (symbol < 8)
		return 3 + symbol;
	*ret_extra = symbol / 4 - 1;
	return 3 + ((4 + symbol % 4) << *ret_extra);
}

/* A length is put in later, with its extra bits. */
static uint32_t
length_entry(unsigned int symbol, unsigned int bits)
{
	return symbol < END_OF_BLOCK ? ENTRY(1, bits, bits) : SPECIAL_ENTRY(symbol, bits);
}

static unsigned int
distance_extra(unsigned int symbol)
{
	return symbol < 4 ? 0 : symbol / 2 - 1;
}

static uint32_t
distance_entry(unsigned int symbol, unsigned int bits)
{
	if (symbol >= DISTANCES)
		return SPECIAL_ENTRY(0, 0);
	return ENTRY(0, bits, bits + distance_extra(symbol));
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

	table[0] = SPECIAL_ENTRY(0, 0);
	for (bits = 1; bits <= index_bits; bits++, value <<= 1) {
		memcpy(table + (1u << (bits - 1)), table, sizeof(*table) << (bits - 1));
		for (i = 0; i < code->counts[bits]; i++)
			table[reverse(value++, bits)] = entry(*symbol++, bits);
	}
}

/* Where the index has room for the code of a length and its extra bits; with the distance, if there is room. */
static void
put_length(struct tables *tables, unsigned int symbol, unsigned int code, unsigned int code_bits)
{
	unsigned int extra, bytes = length_of(symbol, &extra), bits = code_bits + extra, i;
	uint32_t distance;

	if (bits > INDEX_BITS)
		return;
	for (i = 0; i < 1u << (INDEX_BITS - code_bits); i++) {
		distance = tables->distance[i >> extra];
		if (bits + KNOWN_OF(distance) > INDEX_BITS)
			distance = LENGTH;
		tables->length[i << code_bits | code] =
			ENTRY(bytes + (i & ((1u << extra) - 1)), bits, bits) + distance;
	}
}

static void
put_lengths(struct tables *tables)
{
	const uint16_t *symbol = tables->lengths.symbols;
	unsigned int bits, i, value = 0;

	for (bits = 1; bits <= INDEX_BITS; bits++, value <<= 1)
		for (i = 0; i < tables->lengths.counts[bits]; i++, value++, symbol++)
			if (*symbol > END_OF_BLOCK && *symbol < LITERALS_AND_LENGTHS)
				put_length(tables, *symbol, reverse(value, bits), bits);
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
	put_lengths(tables);
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

/* False: here is none. */
static inline bool
step(struct place *at, const struct tables *tables)
{
	uint32_t entry = at->table[at->reader.bits & INDEX_MASK];

	if (__builtin_expect(entry & SPECIAL, 0))
		return false;
	at->size += BYTES_OF(entry);
	skip(&at->reader, BITS_OF(entry));
	at->table = (const uint32_t *)((const char *)tables->length + (entry & LENGTH));
	return true;
}

/* False: the next is no step, or there are no more bits. */
static inline bool
two_steps(struct place *at, const struct tables *tables)
{
	return refill(&at->reader) && step(at, tables) && step(at, tables);
}

/* Up to what is no step. */
static void
run(struct walk *walk)
{
	struct place at = walk->at;

	while (two_steps(&at, &walk->tables))
		;
	walk->at = at;
}

/* Up to what is no step in one of both, which is returned. */
static struct walk *
run_both(struct walk *walk, struct walk *other)
{
	struct place at = walk->at, other_at = other->at;
	bool goes_on;

	do
		goes_on = two_steps(&at, &walk->tables);
	while (goes_on && two_steps(&other_at, &other->tables));
	walk->at = at;
	other->at = other_at;
	return goes_on ? other : walk;
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

/* From the header of a block up to symbols, or the end. */
static enum state
open_block(struct walk *walk)
{
	struct reader *reader = &walk->at.reader;
	unsigned int type;

	do {
		if (walk->is_last) {
			walk->end = position(reader);
			return AT_END;
		}
		walk->header = position(reader);
		if (!refill(reader))
			return DAMAGED;
		walk->is_last = take(reader, 1);
		type = take(reader, 2);
		if (type == 0 && !pass_stored(reader, &walk->at.size))
			return DAMAGED;
	} while (type == 0);
	walk->at.table = walk->tables.length;
	if (type == 1)
		return set_fixed_codes(&walk->tables) ? IN_BLOCK : DAMAGED;
	return type == 2 && read_codes(reader, &walk->tables) ? IN_BLOCK : DAMAGED;
}

static void
start(struct walk *walk, const unsigned char *stream, size_t size)
{
	walk->at =
		(struct place){.reader = {.start = stream, .next = stream, .end = stream + size}};
	walk->is_last = false;
	walk->state = open_block(walk);
}

/* The next symbol of the code, without its extra bits; -1: there is none. */
static int
take_symbol(struct reader *reader, const struct code *code, uint32_t entry)
{
	unsigned int bits = BITS_OF(entry);
	int symbol = (int)SYMBOL_OF(entry);

	if (bits == 0)
		symbol = decode(code, reader->bits, &bits);
	if (symbol >= 0)
		skip(reader, bits);
	return symbol;
}

static enum state
pass_distance(struct place *at, const struct tables *tables, uint32_t entry)
{
	int symbol = take_symbol(&at->reader, &tables->distances, entry);

	if (symbol < 0 || symbol >= DISTANCES)
		return DAMAGED;
	skip(&at->reader, distance_extra((unsigned int)symbol));
	at->table = tables->length;
	return IN_BLOCK;
}

/* Past what is no step. */
static enum state
go_on(struct walk *walk)
{
	struct place *at = &walk->at;
	unsigned int extra;
	uint32_t entry;
	int symbol;

	if (!refill(&at->reader))
		return DAMAGED;
	entry = at->table[at->reader.bits & INDEX_MASK];
	if (at->table == walk->tables.distance)
		return pass_distance(at, &walk->tables, entry);
	symbol = take_symbol(&at->reader, &walk->tables.lengths, entry);
	if (symbol == END_OF_BLOCK)
		return is_beyond(&at->reader) ? DAMAGED : open_block(walk);
	if (symbol < 0 || symbol >= LITERALS_AND_LENGTHS)
		return DAMAGED;
	if (symbol < END_OF_BLOCK) {
		at->size++;
	} else {
		at->size += length_of((unsigned int)symbol, &extra);
		at->size += take(&at->reader, extra);
		at->table = walk->tables.distance;
	}
	return IN_BLOCK;
}

static bool
finish(struct walk *walk, struct stage_lastblock *ret_last)
{
	while (walk->state == IN_BLOCK) {
		run(walk);
		walk->state = go_on(walk);
	}
	if (walk->state != AT_END)
		return false;
	*ret_last = (struct stage_lastblock){
		.header = walk->header, .end = walk->end, .size = walk->at.size};
	return true;
}

bool
stage_lastblock_find(const unsigned char *stream, size_t size, struct stage_lastblock *ret_last)
{
	struct walk walk;

	start(&walk, stream, size);
	return finish(&walk, ret_last);
}

bool
stage_lastblock_find_both(const unsigned char *stream, size_t size, const unsigned char *other,
	size_t other_size, struct stage_lastblock *ret_last, struct stage_lastblock *ret_other)
{
	struct walk walks[2], *stopped;
	struct stage_lastblock last, last_of_other;

	start(&walks[0], stream, size);
	start(&walks[1], other, other_size);
	while (walks[0].state == IN_BLOCK && walks[1].state == IN_BLOCK) {
		stopped = run_both(&walks[0], &walks[1]);
		stopped->state = go_on(stopped);
	}
	if (!finish(&walks[0], &last) || !finish(&walks[1], &last_of_other))
		return false;
	*ret_last = last;
	*ret_other = last_of_other;
	return true;
}
