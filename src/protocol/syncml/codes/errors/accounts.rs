//! What accounts, certificates and keys may report.

use super::{Explained, error};

pub(super) static ACCOUNTS: &[Explained] = &[
    error(
        "0x8007051F",
        "no sign-in server",
        "No server of the domain can be reached.",
        "Check the network of the device.",
    ),
    error(
        "0x80070520",
        "user not signed in",
        "The user is not signed in, or the sign-in has ended.",
        "Let the user sign in and try again.",
    ),
    error(
        "0x80070524",
        "user exists",
        "There is a user of this name already.",
        "Use another name, or change the user that exists.",
    ),
    error("0x80070525", "no such user", "There is no user of this name on the device.", "Check the name of the user."),
    error(
        "0x8007052D",
        "password too weak",
        "The password does not meet the rules of the device.",
        "Use a longer or less simple password.",
    ),
    error("0x8007052E", "sign-in failed", "Name or password is wrong.", "Check the name and the password."),
    error(
        "0x80070534",
        "account name unknown",
        "An account name or group in the value does not exist.",
        "Check the names, or write the account's SID.",
    ),
    error(
        "0x80070539",
        "invalid SID",
        "An account identifier in the value has a wrong form.",
        "Check the identifiers that begin with S-1-.",
    ),
    error(
        "0x80070560",
        "no such group",
        "There is no local group of this name.",
        "Check the name of the group; on other languages of Windows it differs, so write its SID.",
    ),
    error(
        "0x80090005",
        "encrypted data unreadable",
        "Encrypted data could not be opened.",
        "Check that it was encrypted for this device and is complete.",
    ),
    error(
        "0x8009000B",
        "key not usable",
        "A key can't be used in this way.",
        "Check that the private key may be exported, if that is asked for.",
    ),
    error(
        "0x8009000F",
        "key exists",
        "A key of this name exists already.",
        "Delete the old certificate with its key first, or use another name.",
    ),
    error(
        "0x80090010",
        "key access denied",
        "Access to a key is denied.",
        "Check whose key it is: of the device or of a user.",
    ),
    error(
        "0x80090011",
        "key not found",
        "A key does not exist.",
        "Install the certificate with its private key again.",
    ),
    error(
        "0x80090016",
        "key set not found",
        "The private key is missing or damaged.",
        "Install the certificate again; clear the security chip if it goes on.",
    ),
    error(
        "0x80090029",
        "key type not supported",
        "The device can't hold a key of this kind.",
        "Check the key length and where the key is to be kept; without a security chip keep it in software.",
    ),
    error(
        "0x80090030",
        "security chip not ready",
        "The security chip (TPM) is not ready.",
        "Check in the firmware settings that the TPM is turned on, and restart the device.",
    ),
    error(
        "0x80091007",
        "hash differs",
        "A file is not the one that was announced.",
        "Check the hash in the command against the file on the server.",
    ),
    error(
        "0x80092004",
        "certificate not found",
        "A certificate does not exist.",
        "Check the fingerprint and the store, or install the certificate first.",
    ),
    error("0x80092010", "certificate revoked", "A certificate was revoked.", "Replace the certificate."),
    error(
        "0x80092013",
        "revocation list not reached",
        "The device could not check whether a certificate is revoked.",
        "Check that the device can reach the address of the revocation list.",
    ),
    error("0x800B0100", "not signed", "A file is not signed.", "Sign the file, or allow it by policy."),
    error(
        "0x800B0101",
        "certificate expired",
        "A certificate has expired, or the clock of the device is wrong.",
        "Check the clock of the device and the dates of the certificate.",
    ),
    error(
        "0x800B0109",
        "root not trusted",
        "A certificate comes from an authority that the device does not trust.",
        "Install the root certificate on the device first.",
    ),
    error(
        "0x800B010A",
        "certificate chain incomplete",
        "A certificate between this one and its root is missing.",
        "Install the intermediate certificates too.",
    ),
    error(
        "0x800B010F",
        "wrong server name",
        "The certificate of a server is for another name.",
        "Use the name that stands in the certificate, or replace the certificate.",
    ),
];
