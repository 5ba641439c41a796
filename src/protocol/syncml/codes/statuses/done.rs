//! 100 to 399: under way, done, or to be found elsewhere.

use super::{Row, row};

pub(super) static DONE: &[Row] = &[
    row(
        101,
        "in progress",
        "The device is still working on the command.",
        "Wait: the device reports the end in a later message.",
    ),
    row(200, "OK", "The device has done what was asked.", ""),
    row(201, "item added", "The device has created what was asked for.", ""),
    row(
        202,
        "accepted",
        "The device has taken the command and works on it; it is not done yet.",
        "Wait: the device reports the end by itself. If nothing comes, read the status of the job.",
    ),
    row(203, "non-authoritative response", "The device answered from second-hand knowledge.", ""),
    row(204, "no content", "The device has done what was asked and has nothing to report.", ""),
    row(205, "reset content", "The device has done what was asked; what was shown before is out of date.", ""),
    row(206, "partial content", "The device has done a part of what was asked.", ""),
    row(207, "conflict resolved with merge", "Two versions differed, and the device has merged them.", ""),
    row(208, "conflict resolved, client won", "Two versions differed, and the device has kept its own.", ""),
    row(209, "conflict resolved with duplicate", "Two versions differed, and the device has kept both.", ""),
    row(210, "deleted without archive", "The device has deleted the item and kept no copy.", ""),
    row(211, "item not deleted", "There was nothing to delete.", ""),
    row(212, "authenticated", "The device is signed in for this session.", ""),
    row(213, "part received", "The device has received a part of a large value and waits for the next.", ""),
    row(214, "canceled", "The device has done this command, but takes no more commands in this session.", ""),
    row(
        215,
        "not executed",
        "The device did not run this command because another command of its group failed.",
        "Look at the command of the group that failed, correct it and send the group again.",
    ),
    row(
        216,
        "rolled back",
        "The device ran this command and undid it because another command of its group failed.",
        "Look at the command of the group that failed, correct it and send the group again.",
    ),
    row(
        300,
        "multiple choices",
        "The address stands for several things, and the device can't tell which one is meant.",
        "Use the exact address of one setting.",
    ),
    row(
        301,
        "moved permanently",
        "What was asked for is at another address now.",
        "Look up the new address of the setting and use that.",
    ),
    row(
        302,
        "found elsewhere",
        "What was asked for is at another address for the time being.",
        "Try again later, or use the other address.",
    ),
    row(
        303,
        "see other",
        "The answer is to be found at another address.",
        "Look up the other address and read it there.",
    ),
    row(
        304,
        "not modified",
        "The device has changed nothing, because there was nothing to change.",
        "Nothing has to be done if the value is the wanted one; read it to be sure.",
    ),
    row(
        305,
        "use proxy",
        "The device can be reached for this only through another server.",
        "Check the network settings of the device.",
    ),
];
