/* SPDX-License-Identifier: MIT */
/*
 * pcapring.v1 (records.proto) as a Promela model, for spin: one ring, a sensor
 * that sends it, a collector that keeps it, in every order in which they, the
 * network and two crashes can do their steps.
 *
 * Each byte of the ring is a record. A call holds what it has queued until that
 * leaves, and reads it from the ring only then, a dead call, too. Between the
 * two sides each call has its own connection, which delays and breaks; each
 * side may give a call up of which the other still thinks well.
 *
 * The collector's process crashes, or its machine: then what was not synced is
 * there, is not, or is something else. What it reads at its start is in the
 * page cache, perhaps not on the disk. While no relay runs, another reader may
 * take what is in the ring.
 *
 * Never, in any run:
 *	lost		a byte is neither in the file nor safe in the journal,
 *			nor taken by another reader, and below the ring's tail
 *	below_tail	a call sends what the ring has freed: another byte, perhaps
 *	twice		the file holds a byte twice
 *	spoilt		the file holds, after recovery, what never was written
 *	short_file	the file is shorter than its journal says
 *	old_taken	the data of a call is taken after the Welcome of a newer
 *	usurped		an older call takes the place of a newer one
 *
 * (With ARRIVES: `arrived` is broken in a run in which everything arrives.)
 *
 * Each of these definitions breaks one step, and must break one of the
 * properties (tests/model/run):
 *
 *	MUTANT_ACK_BEFORE_JOURNAL	an Ack for what is only synced
 *	MUTANT_ACK_BEFORE_JOURNAL_SYNC	and one whose line is not synced
 *	MUTANT_JOURNAL_BEFORE_SYNC	a line for what is not synced
 *	MUTANT_JOURNAL_LATE		a line for what came during the sync
 *	MUTANT_NO_CUT			the file is not cut to the journal
 *	MUTANT_WELCOME_FOUND		Welcome goes by the file that was found
 *	MUTANT_RECOVER_UNSYNCED		an Ack for a line that was only read
 *	MUTANT_WELCOME_FREES		the sensor frees what a Welcome names
 *	MUTANT_WELCOME_TRUSTED		and sends from there, below its tail
 *	MUTANT_TAIL_IGNORES_DEAD	dead calls hold nothing
 *	MUTANT_DATA_BEFORE_WELCOME	the sensor does not wait for it
 *	MUTANT_NO_FENCE			the older call goes on
 *	MUTANT_OLD_HELLO		a late Hello ends the newer call
 */

#define SIZE		2	/* bytes of the ring */
#define LAST		3	/* bytes that it ever holds */
#define CALLS		2	/* at a time, dead ones included */
#define GENERATIONS	3
#define BREAKS		1	/* of connections, beside crashes */
#define CRASHES		2	/* of the collector */

/* Sets of bytes. */
#define BIT(offset)		(1 << (offset))
#define BELOW(offset)		(BIT(offset) - 1)
#define BETWEEN(from, to)	(BELOW(to) & ~BELOW(from))

#define MAX(a, b)	((a) > (b) -> (a) : (b))
#define MIN(a, b)	((a) < (b) -> (a) : (b))

/* The properties; `assert` of one says that it is broken. */
bool lost, below_tail, twice, spoilt, short_file, old_taken, usurped;
bool arrived;

#define BROKEN_IF(condition, what) \
	if :: condition -> assert(what) :: else fi

/* The ring. */
byte head;
byte tail;
byte elsewhere;		/* a set: what another reader took */

/* The network: a connection for each call. */
#define HELLO	0	/* generation, tail */
#define RECORDS	1	/* offset, 0 */
#define WELCOME	2	/* offset */
#define ACK	3	/* offset */
chan up[CALLS] = [2] of { byte, byte, byte };
chan down[CALLS] = [2] of { byte, byte };
bool joined[CALLS];

/* The sensor. */
#define IDLE	0
#define ASKING	1	/* Hello is out */
#define OPEN	2
#define DEAD	3	/* given up, but it may still hold and send */
bool running = true;
byte phase[CALLS];
byte generation_of[CALLS];
byte held[CALLS];	/* from here on, ... */
byte next[CALLS];	/* ... up to here */
byte generation;	/* of the newest call */
byte acked;

/* The collector. */
#define NOBODY	CALLS
byte live = NOBODY;	/* the call that it has */
byte live_generation;
byte hello_tail;
bool first;		/* no Records of it yet */
byte expected;		/* offset; end of the file, as it was written */
byte file;		/* a set */
byte doubtful;		/* a set: of the file, but perhaps something else */
byte synced;		/* of the file: up to this offset */
byte journal;		/* the last line's offset, as it was written */
byte journal_synced;	/* ... as it is on the disk */
byte acknowledged;
byte stage;		/* of the thread that syncs */
byte captured;
byte welcomed;		/* the newest generation that had a Welcome */

/* What is under way is gone; both sides see it. */
inline disconnect(call)
{
	joined[call] = false;
	do
	:: nempty(up[call]) -> up[call]?_, _, _
	:: nempty(down[call]) -> down[call]?_, _
	:: empty(up[call]) && empty(down[call]) -> break
	od;
	if
	:: phase[call] != IDLE -> phase[call] = DEAD
	:: else
	fi;
	if
	:: live == call -> live = NOBODY
	:: else
	fi
}

/*
 * Each step is one alternative: nobody sees half of it.
 */

/* The kernel, and somebody else's reader. */
active proctype capture()
{
	bool taken;

end:	do
	:: atomic {
		head < LAST && head - tail < SIZE ->
		head++
	}
	:: atomic {
		!running && !taken && tail < head ->
		taken = true;
		elsewhere = elsewhere | BETWEEN(tail, head);
		tail = head
	}
	od
}

/* A connection breaks. */
active proctype network()
{
	byte breaks;

end:	do
	:: atomic { breaks < BREAKS && joined[0] -> breaks++; disconnect(0) }
	:: atomic { breaks < BREAKS && joined[1] -> breaks++; disconnect(1) }
	od
}

/*
 * The sensor.
 */

#define IS_ALIVE(call)		(phase[call] == ASKING || phase[call] == OPEN)
#define HOLDS(call)		(held[call] < next[call])
#ifdef MUTANT_TAIL_IGNORES_DEAD
#define LOWEST(call)		(HOLDS(call) && phase[call] == OPEN -> held[call] : LAST)
#else
#define LOWEST(call)		(HOLDS(call) -> held[call] : LAST)
#endif
#define LOWEST_HELD		MIN(LOWEST(0), LOWEST(1))
#define MAY_FREE		MIN(acked, LOWEST_HELD)

inline sensor_call(call)
{
	generation++;
	generation_of[call] = generation;
	phase[call] = ASKING;
	joined[call] = true;
	up[call]!HELLO, generation, tail;
#ifdef MUTANT_DATA_BEFORE_WELCOME
	phase[call] = OPEN;
	next[call] = acked;
	held[call] = acked
#endif
}

inline sensor_receive(call)
{
	down[call]?kind, offset;
	if
	:: kind == WELCOME && phase[call] == ASKING ->
#ifdef MUTANT_WELCOME_FREES
		acked = MAX(acked, offset);
#endif
#ifndef MUTANT_WELCOME_TRUSTED
		offset = MAX(offset, tail);
#endif
		next[call] = offset;
		held[call] = offset;
		phase[call] = OPEN
	:: kind == ACK && phase[call] == OPEN -> acked = MAX(acked, offset)
	:: else			/* nobody listens to a dead call */
	fi;
	kind = 0;
	offset = 0
}

/*
 * One byte goes from the ring into the connection. That the other end has
 * closed it may not be known yet: then it goes nowhere.
 */
inline sensor_leave(call)
{
	BROKEN_IF(held[call] < tail, below_tail);
	if
	:: joined[call] -> up[call]!RECORDS, held[call], 0
	:: else
	fi;
	held[call] = held[call] + 1
}

inline sensor_free()
{
	BROKEN_IF(BETWEEN(tail, MAY_FREE) & ~(BELOW(journal_synced) & file), lost);
	tail = MAY_FREE
}

/* Its process is gone, not what it has handed to the connections. */
inline sensor_crash()
{
	running = false;
	acked = 0;
	if :: phase[0] != IDLE -> phase[0] = DEAD; held[0] = next[0] :: else fi;
	if :: phase[1] != IDLE -> phase[1] = DEAD; held[1] = next[1] :: else fi
}

#define MAY_CALL	(running && generation < GENERATIONS && !IS_ALIVE(0) && !IS_ALIVE(1))
#define MAY_LEAVE(call)	(HOLDS(call) && (!joined[call] || nfull(up[call])))

#define SENSOR_OF(call) \
	:: atomic { joined[call] && nempty(down[call]) -> sensor_receive(call) } \
	:: atomic { phase[call] == OPEN && next[call] < head -> next[call] = next[call] + 1 } \
	:: atomic { MAY_LEAVE(call) -> sensor_leave(call) } \
	:: atomic { IS_ALIVE(call) -> phase[call] = DEAD } \
	:: atomic { phase[call] == DEAD && HOLDS(call) -> held[call] = next[call] } \
	:: atomic { phase[call] == DEAD && !HOLDS(call) && !joined[call] -> \
		phase[call] = IDLE; held[call] = 0; next[call] = 0; generation_of[call] = 0 }

active proctype sensor()
{
	byte kind, offset;
	bool crashed;

end:	do
	:: atomic { MAY_CALL && phase[0] == IDLE -> sensor_call(0) }
	:: atomic { MAY_CALL && phase[0] != IDLE && phase[1] == IDLE -> sensor_call(1) }
	SENSOR_OF(0)
	SENSOR_OF(1)
	:: atomic { MAY_FREE > tail -> sensor_free() }
	:: atomic { running && !crashed -> crashed = true; sensor_crash() }
	:: atomic { !running -> running = true; acked = tail }
	od
}

/*
 * The collector.
 */

inline collector_accept(call)
{
	if
#ifndef MUTANT_NO_FENCE
	:: live != NOBODY -> disconnect(live)
#endif
	:: else
	fi;
	live = call;
	live_generation = a;
	hello_tail = b;
	first = true;
	welcomed = MAX(welcomed, a);
	down[call]!WELCOME, expected
}

inline collector_hello(call)
{
	if
	:: live != NOBODY && a <= live_generation ->
#ifdef MUTANT_OLD_HELLO
		BROKEN_IF(a < live_generation, usurped);
		collector_accept(call)
#else
		disconnect(call)
#endif
	:: else -> collector_accept(call)
	fi
}

#define IS_EXPECTED	(a == expected || (first && a == hello_tail && a > expected))

inline collector_records(call)
{
	if
	:: IS_EXPECTED ->
		BROKEN_IF(generation_of[call] < welcomed, old_taken);
		BROKEN_IF(file & BIT(a), twice);
		BROKEN_IF(a > expected && BETWEEN(expected, a) & ~elsewhere, lost);
		file = file | BIT(a);
		expected = a + 1;
		first = false
	:: else -> disconnect(call)
	fi
}

inline collector_receive(call)
{
	up[call]?kind, a, b;
	if
	:: kind == HELLO -> collector_hello(call)
	:: else -> collector_records(call)
	fi;
	kind = 0;
	a = 0;
	b = 0
}

/* What the thread that syncs does, in this order. */
#if defined(MUTANT_ACK_BEFORE_JOURNAL)
#define SYNC_FILE	1
#define SYNC_ACK	2
#define SYNC_LINE	3
#define SYNC_JOURNAL	4
#elif defined(MUTANT_ACK_BEFORE_JOURNAL_SYNC)
#define SYNC_FILE	1
#define SYNC_LINE	2
#define SYNC_ACK	3
#define SYNC_JOURNAL	4
#elif defined(MUTANT_JOURNAL_BEFORE_SYNC)
#define SYNC_LINE	1
#define SYNC_JOURNAL	2
#define SYNC_FILE	3
#define SYNC_ACK	4
#else
#define SYNC_FILE	1
#define SYNC_LINE	2
#define SYNC_JOURNAL	3
#define SYNC_ACK	4
#endif

#ifdef MUTANT_JOURNAL_LATE
#define LINE	expected
#else
#define LINE	captured
#endif

inline collector_sync()
{
	if
	:: stage == SYNC_FILE -> synced = MAX(synced, captured)
	:: stage == SYNC_LINE -> journal = LINE; captured = LINE
	:: stage == SYNC_JOURNAL -> journal_synced = journal
	:: stage == SYNC_ACK -> acknowledged = captured
	fi;
	stage = (stage + 1) % 5;
	if
	:: stage == 0 -> captured = 0
	:: else
	fi
}

/* The machine goes down: of what was not synced, anything may be there. */
inline collector_power_cut()
{
	end_of_file = synced;
	do
	:: break
	:: end_of_file < expected -> end_of_file++
	od;
	file = file & BELOW(end_of_file);
	doubtful = BETWEEN(synced, end_of_file);
	synced = end_of_file;
	if
	:: journal = journal_synced
	:: true
	fi;
	journal_synced = journal
}

inline collector_recover()
{
	BROKEN_IF(end_of_file < journal, short_file);
#ifdef MUTANT_WELCOME_FOUND
	expected = end_of_file;
#else
	expected = journal;
#ifndef MUTANT_NO_CUT
	file = file & BELOW(expected);
#endif
#endif
	doubtful = doubtful & BELOW(expected);
	BROKEN_IF(doubtful, spoilt);
	doubtful = 0;
#ifdef MUTANT_RECOVER_UNSYNCED
	synced = MIN(synced, expected);
#else
	synced = expected;
	journal_synced = journal;
#endif
	acknowledged = journal;
	end_of_file = 0
}

inline collector_crash()
{
	crashes++;
	disconnect(0);
	disconnect(1);
	stage = 0;
	captured = 0;
	live_generation = 0;
	hello_tail = 0;
	first = false;
	if
	:: end_of_file = expected	/* the process alone */
	:: collector_power_cut()
	fi;
	collector_recover()
}

active proctype collector()
{
	byte kind, a, b, end_of_file, crashes;

end:	do
	:: atomic { joined[0] && nempty(up[0]) -> collector_receive(0) }
	:: atomic { joined[1] && nempty(up[1]) -> collector_receive(1) }
	:: atomic { stage == 0 && expected > acknowledged -> captured = expected; stage = 1 }
	:: atomic { stage != 0 -> collector_sync() }
	:: atomic { live != NOBODY && empty(down[live]) -> down[live]!ACK, acknowledged }
	:: atomic { crashes < CRASHES -> collector_crash() }
#ifdef ARRIVES
	:: tail == LAST && file == BELOW(LAST) && elsewhere == 0 -> assert(arrived)
#endif
	od
}
