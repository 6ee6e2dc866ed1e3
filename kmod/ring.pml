/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The ring's protocol as a Promela model, for spin: what ring.c and a reader do
 * to the words that they share, in every order in which two CPUs can do it.
 *
 * A record is one or two units long, where the real one has bytes; each unit
 * holds its own position, so that whoever reads it can tell what it is. A CPU's
 * stores wait in a buffer and reach memory in any order, those to one word in
 * theirs. A release waits for what was stored before, a full barrier for all.
 * Loads happen where they stand; a missing acquire or read barrier is a load
 * that stands too early.
 *
 * Never, in any run:
 *	lost_wakeup	the reader sleeps, enough to wake it lies there, and
 *			nobody is about to wake it
 *	torn		a reader uses a unit that is not the one it is to be:
 *			not written yet, or written over
 *	lost_ring	a ring that its last reader left in order is given up
 *	astray		the kernel reckons with more room than there is
 *
 * Normal mode, or with OVERWRITE defined that one. Each of these definitions
 * breaks one step, and must break one of the properties (tests/model/run):
 *
 *	MUTANT_WAKE_NO_BARRIER		the producer's, head before seen
 *	MUTANT_SLEEP_NO_BARRIER		the reader's, seen before head
 *	MUTANT_SLEEP_NO_LOOK		a reader that sleeps without a last look
 *	MUTANT_HEAD_NO_RELEASE		head may be seen before the record
 *	MUTANT_HEAD_FIRST		head is stored before the record
 *	MUTANT_HEAD_NO_ACQUIRE		the record is loaded before head
 *	MUTANT_TAIL_FIRST		the reader frees before it has read
 *	MUTANT_TAIL_TRUSTED		no check of its range
 *	MUTANT_OPEN_UNLOCKED		open leaves the kernel the tail it knew
 *	MUTANT_OPEN_UNWALKED		open does not walk the records
 *	MUTANT_OLDEST_LATE		oldest is stored after the record
 *	MUTANT_OLDEST_NO_BARRIER	oldest may be seen after the record
 *	MUTANT_COPY_UNCHECKED		the reader does not look at oldest again
 *	MUTANT_COPY_NO_BARRIER		it looks before it has copied
 *	MUTANT_FREEZE_UNLOCKED		freezing does not wait for a packet
 */

#define SIZE	4	/* units of a ring; a power of two */
#ifdef OVERWRITE
#define LAST	6	/* the producer writes no unit from here on */
#else
#define LAST	5
#endif
#define READERS	2	/* one after the other */

/* The words of memory: the units of the ring first. */
#define HEAD	4
#define OLDEST	5
#define SEEN	6
#define TAIL	7
#define WAKE	8

byte memory[9];
chan kernel = [5] of { byte, byte };	/* store buffers: word, value */
chan user = [4] of { byte, byte };

#define DATA(position)			((position) & (SIZE - 1))
#define STORE(buffer, word, value)	buffer!word, value
#define RELEASE(buffer, word, value)	atomic { empty(buffer) -> buffer!word, value }
#define BARRIER(buffer)			empty(buffer)

#define MAX(a, b)	((a) > (b) -> (a) : (b))

/* Of positions that wrap around as unsigned integers do. */
#define DISTANCE(from, to)	(((to) - (from)) & 255)

/* A unit: its position, and at the first one the length of the record. */
#define UNIT(position, length)	((position) * 4 + (length))
#define UNIT_POSITION(unit)	((unit) / 4)
#define UNIT_LENGTH(unit)	((unit) & 3)
#define IS_UNIT(unit, position)	(UNIT_POSITION(unit) == (position))

/* Of struct pcapring_ring, guarded by its lock. */
bool locked;
bool frozen;
byte ring_head;
byte ring_tail;		/* normal mode: the reader's, when last looked at */
byte ring_oldest;	/* overwrite mode */
byte ring_length[SIZE];	/* of the record at a unit, as the kernel wrote it */

bool woken;		/* what the wait queue does: set by the waker */

bool honest = true;	/* the last reader kept to the rules */

/* The properties; `assert` of one says that it is broken. */
bool lost_wakeup, torn, lost_ring, astray;

#define BROKEN_IF(condition, what) \
	if :: condition -> assert(what) :: else fi

/* Stores reach memory. */
active proctype machine()
{
end:	do
	:: kernel??0, memory[0]
	:: kernel??1, memory[1]
	:: kernel??2, memory[2]
	:: kernel??3, memory[3]
	:: kernel??HEAD, memory[HEAD]
	:: kernel??OLDEST, memory[OLDEST]
	:: user??SEEN, memory[SEEN]
	:: user??TAIL, memory[TAIL]
	:: user??WAKE, memory[WAKE]
	od
}

/*
 * The kernel, one packet at a time.
 */

#define ROOM		(DISTANCE(ring_tail, ring_head + length) <= SIZE)
#ifdef OVERWRITE
#define IS_ASTRAY	(ring_head + length - ring_oldest > SIZE)
#else
#define IS_ASTRAY	(DISTANCE(ring_tail, ring_head) > SIZE)
#endif

/* pcapring_ring_reserve() in normal mode. */
inline producer_reserve()
{
	if
	:: ROOM
	:: else ->
		tail = memory[TAIL];
		if
#ifndef MUTANT_TAIL_TRUSTED
		:: DISTANCE(tail, ring_head) > SIZE
		:: else
#else
		:: true
#endif
			-> ring_tail = tail
		fi
	fi;
	room = ROOM
}

/* ... and in overwrite mode: the oldest records give way. */
inline producer_overwrite()
{
	atomic {
		do
		:: ring_head + length - ring_oldest > SIZE ->
			ring_oldest = ring_oldest + ring_length[DATA(ring_oldest)]
		:: else -> break
		od
	}
#ifndef MUTANT_OLDEST_LATE
	STORE(kernel, OLDEST, ring_oldest);
#endif
#ifndef MUTANT_OLDEST_NO_BARRIER
	BARRIER(kernel);	/* a write barrier, there */
#endif
	room = true
}

inline producer_write()
{
	atomic {
		ring_length[DATA(ring_head)] = length;
		STORE(kernel, DATA(ring_head), UNIT(ring_head, length));
		if
		:: length == 2 -> STORE(kernel, DATA(ring_head + 1), UNIT(ring_head + 1, 0))
		:: else
		fi
	}
}

inline producer_publish()
{
#ifdef MUTANT_HEAD_NO_RELEASE
	STORE(kernel, HEAD, ring_head + length)
#else
	RELEASE(kernel, HEAD, ring_head + length)
#endif
}

/* The record reaches what the reader waits for, and did not before. */
inline producer_wake()
{
#ifndef MUTANT_WAKE_NO_BARRIER
	BARRIER(kernel);
#endif
	seen = memory[SEEN];
	wake = memory[WAKE];
	if
	:: DISTANCE(seen, ring_head - length) < wake &&
	   DISTANCE(seen, ring_head) >= wake -> woken = true
	:: else
	fi
}

active proctype producer()
{
	byte length, tail, seen, wake;
	bool room;

end:	do
	:: ring_head + 2 <= LAST ->
		atomic {
			!locked && !frozen -> locked = true;
			if
			:: length = 1
			:: length = 2
			fi
		}
#ifdef OVERWRITE
		producer_overwrite();
#else
		producer_reserve();
#endif
		if
		:: room ->
			BROKEN_IF(IS_ASTRAY, astray);
#ifdef MUTANT_HEAD_FIRST
			producer_publish();
			producer_write();
#else
			producer_write();
			producer_publish();
#endif
#ifdef MUTANT_OLDEST_LATE
			STORE(kernel, OLDEST, ring_oldest);
#endif
			ring_head = ring_head + length;
			producer_wake()
		:: else		/* dropped, and counted */
		fi;
		atomic { locked = false; length = 0; tail = 0; seen = 0; wake = 0; room = false }
	od
}

/*
 * User space, and what the kernel does for it.
 */

/*
 * Go to sleep at `position` until `need` units are there. What wakes up is set
 * before the last look: poll_wait() comes before the barrier.
 */
#define IS_FORGOTTEN	(!woken && !locked && empty(kernel) && \
			 DISTANCE(position, memory[HEAD]) >= need)

inline reader_sleep()
{
	atomic {
		if
		:: need = 1
		:: need = 2
		fi;
		STORE(user, WAKE, need);
		STORE(user, SEEN, position);
		woken = false
	}
#ifndef MUTANT_SLEEP_NO_BARRIER
	BARRIER(user);
#endif
#ifndef MUTANT_SLEEP_NO_LOOK
	head = memory[HEAD];
#endif
	if
	:: DISTANCE(position, head) < need ->
end_sleep:	if
		:: atomic { woken -> need = 0; head = 0 }
		:: IS_FORGOTTEN -> assert(lost_wakeup)
		fi
	:: atomic { else -> need = 0; head = 0 }
	fi
}

#ifdef OVERWRITE

inline reader_use()
{
	d_step {
		i = position;
		BROKEN_IF(i < head && UNIT_LENGTH(copy[DATA(i)]) == 0, torn);
		do
		:: i < head ->
			BROKEN_IF(!IS_UNIT(copy[DATA(i)], i), torn);
			copy[DATA(i)] = 0;
			i++
		:: else -> break
		od;
		i = 0
	}
}

inline reader_copy()
{
	i = position;
	do
	:: i < head -> copy[DATA(i)] = memory[DATA(i)]; i++
	:: else -> break
	od
}

/* Copy what is there, then see how much of it was still good. */
inline reader_follow()
{
	head = memory[HEAD];
	oldest = memory[OLDEST];
	position = MAX(oldest, position);
#ifdef MUTANT_COPY_NO_BARRIER
	oldest = memory[OLDEST];
	reader_copy();
#else
	reader_copy();
#ifndef MUTANT_COPY_UNCHECKED
	oldest = memory[OLDEST];
#endif
#endif
	position = MAX(oldest, position);
	reader_use();
	position = MAX(head, position)
}

/* Freeze, look at all without a check, thaw. */
inline reader_snapshot()
{
#ifdef MUTANT_FREEZE_UNLOCKED
	frozen = true;
#else
	/* who takes a lock sees what was stored under it before */
	atomic { !locked && empty(kernel) -> frozen = true };
#endif
	oldest = memory[OLDEST];
	head = memory[HEAD];
	position = oldest;
	reader_copy();
	reader_use();
	position = head;
	frozen = false
}

active proctype reader()
{
	byte position, head, oldest, need, i;
	byte copy[SIZE];

	do
	:: reader_follow()
	:: reader_snapshot()
	:: reader_sleep()
	od
}

#else

/* Give up what is there. */
inline reader_skip()
{
	BROKEN_IF(honest, lost_ring);
	tail = memory[HEAD];
	STORE(user, TAIL, tail)
}

/*
 * The walk of pcapring_ring_settle(). What the reader before made the kernel
 * believe of the room ends with it, under the lock.
 */
inline reader_open()
{
#ifndef MUTANT_OPEN_UNLOCKED
	atomic {
		!locked && empty(kernel) ->
		if
		:: DISTANCE(memory[TAIL], ring_head) > SIZE ->
			BROKEN_IF(honest, lost_ring);
			memory[TAIL] = ring_head
		:: else
		fi;
		ring_tail = memory[TAIL]
	}
#endif
	tail = memory[TAIL];
	head = memory[HEAD];
	position = tail;
	do
#ifndef MUTANT_OPEN_UNWALKED
	:: position != head ->
		unit = memory[DATA(position)];
		length = UNIT_LENGTH(unit);
		if
		:: DISTANCE(position, head) > SIZE || length == 0 ||
		   length > DISTANCE(position, head) -> reader_skip(); break
		:: else -> position = position + length
		fi
#endif
	:: else -> break
	od;
	atomic {
		STORE(user, SEEN, tail);
		honest = true;
		position = tail;
		head = 0;
		unit = 0;
		length = 0
	}
}

/* Everything before `upto` was read and is free. */
inline reader_free(upto)
{
	atomic { tail != upto -> tail = upto; RELEASE(user, TAIL, upto) }
}

/* One record. */
inline reader_read()
{
#ifdef MUTANT_HEAD_NO_ACQUIRE
	unit = memory[DATA(position)];
	head = memory[HEAD];
#else
	head = memory[HEAD];
	unit = memory[DATA(position)];
#endif
	if
	:: position != head ->
#ifdef MUTANT_TAIL_FIRST
		reader_free(position + UNIT_LENGTH(unit));
		unit = memory[DATA(position)];
#endif
		BROKEN_IF(!IS_UNIT(unit, position) || UNIT_LENGTH(unit) == 0, torn);
		length = UNIT_LENGTH(unit);
		if
		:: length == 2 ->
			unit = memory[DATA(position + 1)];
			BROKEN_IF(!IS_UNIT(unit, position + 1), torn)
		:: else
		fi;
		atomic { position = position + length; length = 0; unit = 0; head = 0 }
	:: atomic { else -> unit = 0; head = 0 }
	fi
}

/* A reader that stores what it likes as its tail, twice. */
inline reader_deceive()
{
	atomic {
		honest = false;
		select (tail : 0 .. LAST + 1);
		STORE(user, TAIL, tail)
	};
	atomic {
		select (tail : 0 .. LAST + 1);
		STORE(user, TAIL, tail)
	}
}

/* One reader after the other; each ends anywhere. */
active proctype reader()
{
	byte position, tail, head, need, unit, length, readers;
	bool liars;

	if	/* those who lie are not looked at asleep: two smaller models */
	:: liars = true
	:: true
	fi;
	do
	:: readers < READERS ->
		readers++;
		reader_open();
		do
		:: reader_read()
		:: reader_free(position)
		:: !liars -> reader_sleep()
		:: liars && readers < READERS -> reader_deceive(); break
		:: break
		od;
		BARRIER(user)	/* close */
	:: else -> break
	od
}

#endif
