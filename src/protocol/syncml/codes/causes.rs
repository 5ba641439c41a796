//! Likely causes of the codes that administrators meet most: what to look at first, where the meaning alone does not
//! tell. Other codes have none, because their meaning says it or because nobody can tell with confidence.

/// Of Status codes.
pub(super) static STATUSES: &[(u16, &str)] = &[
    (215, "The command of the group that was refused stands beside it and has the reason."),
    (216, "The command of the group that was refused stands beside it and has the reason."),
    (
        400,
        "The value does not fit the setting, such as XML or JSON in it with an error, or the address has a wrong form.",
    ),
    (
        401,
        "The device was set up anew or restored from an image, or the server from an older backup, so that their secrets \
         differ.",
    ),
    (403, "The edition of Windows or the kind of enrollment does not allow the setting."),
    (
        404,
        "The address has a typing error, this version or edition of Windows lacks the setting, or the setting was never \
         set: reading a policy that nobody has set is answered so too. A setting of an ADMX file needs the file first.",
    ),
    (
        405,
        "The setting can only be read or only be run, or it is one of the user and was addressed while the enrolled user \
         was not signed in.",
    ),
    (406, "The setting came with a later version of Windows, or belongs to another edition, such as Enterprise."),
    (408, "The network of the device broke off, or it went to sleep in the middle of the session."),
    (409, "A group policy or another management agent holds the same setting."),
    (413, "A profile, a certificate or a script in the value is larger than the setting takes."),
    (
        415,
        "The format was left out, and text was sent where the setting takes a number or yes and no; or the XML in the \
         value is not escaped.",
    ),
    (416, "A profile, a certificate or a script in the value is larger than the setting takes."),
    (417, "Windows starts, installs updates, or does something else with the same part."),
    (418, "An earlier command, another policy or the user has made it already."),
    (420, "Updates, profiles or diagnostics fill the disk."),
    (
        425,
        "The setting is one of the user and was addressed as one of the device, or the other way; or the kind of \
         enrollment does not give access to it.",
    ),
    (427, "Entries below it were made by an earlier command or by the user."),
    (
        500,
        "The part of Windows behind the setting failed: it can't use the value, its feature is not installed, its service \
         is off, or a restart is pending.",
    ),
    (501, "The setting takes other commands, such as Replace in place of Exec."),
    (503, "The service of Windows behind the setting is off, or is starting."),
    (507, "One command of the group was refused; it stands beside the others and has the reason."),
    (510, "The disk is full or damaged, or a security program holds the files."),
    (516, "A command of the group did what can't be taken back, such as starting an installation."),
];

/// Of errors of Windows, as they are written in the table of them.
pub(super) static ERRORS: &[(&str, &str)] = &[
    ("0x80180002", "The password is wrong, the account is disabled, or the token was used or has ended."),
    ("0x80180003", "The account is not among those that the server lets enroll."),
    ("0x80180004", "The server's authority can't sign, or the device asked with a key that is too small."),
    ("0x80180007", "The clock of the device is wrong, or what it signed in with has ended."),
    (
        "0x8018000A",
        "An earlier enrollment was never removed, or another server manages the device through its work account.",
    ),
    ("0x80180010", "The address is wrong, a proxy or a firewall stands between, or the device has no network yet."),
    (
        "0x80180012",
        "The certificate is of an authority whose root the device does not have, it is for another name, or certificates \
         between it and its root are missing.",
    ),
    ("0x80180013", "Devices that are not used any more still count."),
    (
        "0x80180014",
        "The edition is one that can't be managed or is not allowed, or this kind of enrollment is turned off.",
    ),
    ("0x8018001A", "A proxy in front of the server leads to http, or the discovery names such an address."),
    ("0x80180026", "A group policy turns device management off, or Configuration Manager holds the device."),
    ("0x80180027", "The TPM is off, full or outdated, or can't make keys of this size."),
    ("0x80180029", "A proxy in front of the server cut the answer off."),
    (
        "0x86000002",
        "The address has a typing error, this version or edition of Windows lacks the setting, or nothing was set there.",
    ),
    ("0x86000031", "A document of declared configuration sets it, perhaps of another server."),
    (
        "0x80004005",
        "A feature that is needed is not installed, a restart is pending, or the value contradicts another one.",
    ),
    ("0x8000FFFF", "Parts of the value contradict each other, or a restart is pending."),
    ("0x80070002", "The value names a file, or the setting needs another one that was not set before."),
    (
        "0x80070005",
        "A setting of the user was sent while the user was not signed in, a group policy holds it, or Windows protects it.",
    ),
    ("0x8007000D", "XML or JSON in the value has an error, or an escape too many or too few."),
    ("0x80070020", "A security program or an installation has the file open."),
    ("0x80070032", "The edition or the hardware of the device does not have what the setting is about."),
    ("0x80070057", "A part of the value is out of its range, empty, or of another form than the setting takes."),
    ("0x80070070", "Updates, profiles or diagnostics fill the disk."),
    ("0x800700B7", "An earlier command, another policy or the user has made it already."),
    ("0x80070422", "Somebody, or a program that tunes Windows, has turned the service off."),
    ("0x80070490", "What the value refers to, such as a certificate or a profile, was not installed before."),
    ("0x800704EC", "A group policy, AppLocker or an App Control policy blocks it."),
    ("0x80070520", "The setting is one of the user, who was not signed in."),
    ("0x800705B4", "The device is busy with updates or an installation, or its disk is slow."),
    ("0x80090030", "The TPM is off, is locked after wrong tries, or waits for its preparation."),
    ("0x800B0109", "The root certificate of one's own authority was not installed first."),
    ("0x800B010A", "The server or the package comes without the certificates between it and its root."),
    (
        "0x80070643",
        "The installer needs something that is missing, or an option that was not given; its log says which.",
    ),
    ("0x80070652", "Windows Update or another package is installing."),
    ("0x80070666", "The version that is there was installed in another way, or for one user only."),
    ("0x80073CF3", "A framework that the app needs is missing, or the package is for another processor."),
    ("0x80072EE2", "A firewall drops the connection, or the proxy is not set for the system."),
    ("0x80072EE7", "The name is only known inside of the organization, or the device uses another DNS server."),
    ("0x80072EFD", "A firewall or a proxy refuses the connection, or the server does not listen at the port."),
    ("0x80072F0D", "The root certificate of one's own authority is missing, or a proxy opens encrypted connections."),
    ("0x80072F8F", "The clock of the device is wrong, a proxy opens encrypted connections, or TLS 1.2 is turned off."),
    ("0x87D1FDE8", "A group policy or another server sets the same, or Windows writes the value in another form."),
];
