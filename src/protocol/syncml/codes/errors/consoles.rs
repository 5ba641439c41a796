//! Numbers by which consoles of other servers tell what a device answered, often as negative decimals: a Status in the
//! low half of 0x87D1xxxx. Administrators bring them along, and search for them.

use super::{Explained, error};

pub(super) static CONSOLES: &[Explained] = &[
    error(
        "0x87D10190",
        "Status 400",
        "The device could not understand the command.",
        "Check the form of the address and of the value.",
    ),
    error(
        "0x87D10191",
        "Status 401",
        "The device does not accept who spoke to it.",
        "Enroll the device again if it goes on.",
    ),
    error(
        "0x87D10193",
        "Status 403",
        "The device refuses the command.",
        "Check whether the setting may be changed at all.",
    ),
    error(
        "0x87D10194",
        "Status 404",
        "The device has no setting at this address.",
        "Check the address for typing errors, and whether this version and edition of Windows has the setting.",
    ),
    error(
        "0x87D10195",
        "Status 405",
        "The setting does not know this action.",
        "Check which actions the setting allows: get, add, replace, delete or exec.",
    ),
    error(
        "0x87D10196",
        "Status 406",
        "The device does not support a part of the command.",
        "Check which version and edition of Windows has the setting.",
    ),
    error(
        "0x87D10197",
        "Status 407",
        "The device wanted credentials.",
        "Nothing has to be done if the next session went well.",
    ),
    error("0x87D10198", "Status 408", "It took too long.", "Try again."),
    error(
        "0x87D1019C",
        "Status 412",
        "The command was not complete.",
        "Check that address, format and value are given.",
    ),
    error("0x87D1019D", "Status 413", "The value is too large for the device.", "Make the value shorter."),
    error(
        "0x87D1019F",
        "Status 415",
        "The format or type of the value is wrong.",
        "Check the format that the documentation of the setting names.",
    ),
    error("0x87D101A2", "Status 418", "It exists already.", "Use replace, or delete it first."),
    error("0x87D101A4", "Status 420", "The device has no room left.", "Free some space on the device and try again."),
    error(
        "0x87D101A9",
        "Status 425",
        "The device does not give the right to do this.",
        "Check whether the setting may be changed by device management, and whether it is a setting of the user.",
    ),
    error(
        "0x87D101F4",
        "Status 500",
        "The device failed, and gives no reason.",
        "Look into the device's event log for device management at that time.",
    ),
    error(
        "0x87D101F5",
        "Status 501",
        "The device does not know this command.",
        "Check which version and edition of Windows has the setting.",
    ),
    error("0x87D101F7", "Status 503", "The device is busy.", "Try again later."),
    error(
        "0x87D101FB",
        "Status 507",
        "One command of a group failed, so none of them was carried out.",
        "Look for the command of the group that failed by itself.",
    ),
    error(
        "0x87D10204",
        "Status 516",
        "A group failed, and a part of it could not be undone.",
        "Read the settings of the group back and mend them one by one.",
    ),
    error(
        "0x87D1041C",
        "application not found after installing",
        "The installation ended well, but the application was not found afterwards.",
        "Check the rule by which the application is looked for: product code, file or version.",
    ),
    error(
        "0x87D1FDE8",
        "setting not taken",
        "The device did not take the setting, or says another value than was set.",
        "Read the setting back, and look for a group policy or another server that sets the same.",
    ),
];
