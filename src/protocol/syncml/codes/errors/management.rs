//! What device management itself reports, enrollment included.

use super::{Explained, error};

pub(super) static MANAGEMENT: &[Explained] = &[
    error(
        "0x80180001",
        "enrollment message malformed",
        "A message of the enrollment could not be understood.",
        "Report it as an error of this server.",
    ),
    error(
        "0x80180002",
        "enrollment sign-in failed",
        "The server did not accept the user's sign-in.",
        "Check the user's name and password, and try again.",
    ),
    error(
        "0x80180003",
        "user may not enroll",
        "The user is known but not allowed to enroll devices.",
        "Give the user the right to enroll, or use another account.",
    ),
    error(
        "0x80180004",
        "certificate request refused",
        "The certificate for the device was not issued.",
        "Check that the issuing authority of the server works.",
    ),
    error(
        "0x80180005",
        "enrollment server error",
        "The enrollment server met an error.",
        "Look into the server's log and try again.",
    ),
    error(
        "0x80180006",
        "enrollment service error",
        "The enrollment server met an error that it did not expect.",
        "Look into the server's log and try again.",
    ),
    error(
        "0x80180007",
        "enrollment security problem",
        "The security part of an enrollment message was refused.",
        "Check the clock of the device and try again.",
    ),
    error(
        "0x80180008",
        "unknown enrollment error",
        "The enrollment failed for a reason that the device can't name.",
        "Look into the device's event log for device management and try again.",
    ),
    error(
        "0x80180009",
        "enrollment in progress",
        "Another enrollment is under way on the device.",
        "Wait until it has ended.",
    ),
    error(
        "0x8018000A",
        "already enrolled",
        "The device is enrolled already, here or with another server.",
        "Disconnect the work account in the settings of the device, then enroll again.",
    ),
    error(
        "0x80180010",
        "enrollment server not reached",
        "The device could not reach the enrollment server.",
        "Check the network of the device and the address of the server.",
    ),
    error(
        "0x80180012",
        "server certificate not trusted",
        "The device does not trust the certificate of the server.",
        "Install a certificate that the device trusts, for the name that it uses.",
    ),
    error(
        "0x80180013",
        "too many devices",
        "The user has as many devices as are allowed.",
        "Remove a device of the user, or raise the limit.",
    ),
    error(
        "0x80180014",
        "device not supported",
        "This kind or edition of Windows can't be enrolled.",
        "Check the edition of Windows, or allow it on the server.",
    ),
    error(
        "0x80180015",
        "management not supported",
        "Device management is not supported for this account or device.",
        "Check whether management is turned on for the account.",
    ),
    error(
        "0x80180016",
        "renewal refused",
        "The server did not renew the device's certificate.",
        "Enroll the device again.",
    ),
    error("0x80180017", "server in maintenance", "The server does not enroll devices now.", "Try again later."),
    error(
        "0x80180018",
        "licence problem",
        "The user's licence does not allow enrollment.",
        "Give the user a licence for device management.",
    ),
    error(
        "0x80180019",
        "enrollment data refused",
        "The server refused the data of the enrollment, such as the answer to the terms of use.",
        "Start the enrollment again from the beginning.",
    ),
    error(
        "0x80180023",
        "management account not set up",
        "The device could not set up its management account.",
        "Report it: what the server sent for the account was refused by the device.",
    ),
    error(
        "0x80180026",
        "management blocked",
        "A policy of the device forbids enrollment.",
        "Look for the group policy that blocks device management, or for another management agent.",
    ),
    error(
        "0x8018002B",
        "automatic enrollment not set up",
        "Automatic enrollment is not set up for this user.",
        "Check the user's sign-in name and whether the user is in the scope for device management.",
    ),
    error(
        "0x80180032",
        "message from the server",
        "The server refused the enrollment and showed its reason to the user.",
        "Read the message on the device's screen.",
    ),
    error(
        "0x86000002",
        "no such setting",
        "The device has no setting at this address.",
        "Check the address for typing errors, and whether this version and edition of Windows has the setting.",
    ),
    error(
        "0x86000031",
        "owned by declared configuration",
        "The setting belongs to a declared configuration document, so it can't be set on its own.",
        "Change the document, or delete or abandon it first.",
    ),
];
