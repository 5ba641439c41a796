//! The pages of events and of their receivers.

texts! {
    TITLE = "Events";
    LEAD = "Everything that happened, newest first, as programs of others are told of it.";
    TAB_EVENTS = "What happened";
    TAB_RECEIVERS = "Who is told";
    NUMBER = "Number";
    TYPE = "Type";
    TYPE_HINT = "command.* or identity.refused";
    WHAT = "What";
    NOTHING_YET = "Nothing has happened yet. When a device enrolls, it is told here.";
    NOTHING_FITS = "Nothing of this type is among these numbers.";
    RECEIVERS = "Receivers of events";
    RECEIVERS_LEAD = "Programs to which each event is sent as it happens, signed (webhooks).";
    RECEIVER = "Receiver";
    GETS = "Gets";
    EVERYTHING = "everything";
    BEHIND = "Behind";
    LAST_TRY = "Last try";
    NO_RECEIVERS = "Nobody is told yet. Add the address of a program below, such as a SIEM, a chat or a pager; it gets what happens from then on.";
    NO_RECEIVERS_LOOK = "Nobody is told yet. An administrator can add a receiver.";
    ADD = "Add a receiver";
    ADD_BUTTON = "Add it";
    URL = "Address";
    URL_HINT = "With https; what stands behind a question mark is not shown again.";
    TYPES = "Types, with commas between";
    TYPES_HINT = "command.* stands for all that begin so; empty for everything.";
    SECRET = "The receiver is added. Deliveries are signed with this secret:";
    TEST = "Test";
    PAUSE = "Pause";
    RESUME = "Resume";
    REMOVE = "Remove…";
    REMOVE_IT = "Remove it";
    REMOVE_ASK = "Nothing more is sent to it, and what it has not got is not sent later.";
    ACTIVE = "gets events";
    PAUSED = "paused";
    DEAD = "given up";
    TOOK_IT = "The receiver took the test.";
    DID_NOT_TAKE_IT = "The receiver did not take the test:";
    DELIVERED = "taken";
    MISSED = "missed";
    FAILURES = "failures in a row";
    MILLISECONDS = "ms";
}
