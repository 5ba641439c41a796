//! 500 and above: the device or the server failed.

use super::{Row, row};

pub(super) static FAILED: &[Row] = &[
    row(
        500,
        "command failed",
        "The device tried and failed.",
        "Look at the original error, if the device gave one. Else try again, and look into the device's event log for device management.",
    ),
    row(501, "not implemented", "The device does not know this kind of command.", "Reach the same by another command."),
    row(
        502,
        "bad gateway",
        "A server between the device and what it needed gave a wrong answer.",
        "Check the network and the proxy of the device, then try again.",
    ),
    row(
        503,
        "service unavailable",
        "A part of the device that is needed is not running now.",
        "Nothing has to be done: it is tried again later.",
    ),
    row(
        504,
        "gateway timeout",
        "A server between the device and what it needed gave no answer in time.",
        "Check the network and the proxy of the device, then try again.",
    ),
    row(
        505,
        "document version not supported",
        "The device or the server does not speak this version of the message format.",
        "Report it: device and server do not fit together.",
    ),
    row(
        506,
        "processing error",
        "The device met an error while it worked on the command.",
        "Try again; look into the device's event log for device management if it goes on.",
    ),
    row(
        507,
        "group failed",
        "A command of the group failed, so none of them holds.",
        "Look at the command of the group that failed, correct it and send the group again.",
    ),
    row(508, "refresh required", "The device has lost its record of what was done before.", "Send everything again."),
    row(509, "reserved", "This code has no meaning of its own.", "Look at the original error, if the device gave one."),
    row(
        510,
        "data store failure",
        "The device could not read or write its own store.",
        "Restart the device and try again; check its disk if it goes on.",
    ),
    row(511, "server failure", "The other side met a severe error.", "Try again later; report it if it goes on."),
    row(512, "synchronization failed", "The session failed as a whole.", "Wait for the next session of the device."),
    row(
        513,
        "protocol version not supported",
        "The device or the server does not speak this version of the protocol.",
        "Report it: device and server do not fit together.",
    ),
    row(
        514,
        "canceled before it was done",
        "The command was canceled and has changed nothing.",
        "Send it again if it is still wanted.",
    ),
    row(
        516,
        "roll back failed",
        "A command of the group failed, and what was done before it could not be undone.",
        "Read the settings of the group to see which values hold, and set each of them again.",
    ),
    row(
        517,
        "group answer too large",
        "The answer to the group is too large for the device to send.",
        "Make several groups of it.",
    ),
];
