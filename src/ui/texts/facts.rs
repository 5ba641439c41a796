//! What is known of a device, on its page.

texts! {
    ALL = "All that is known of it";
    ABSENT = "It has no such node, or does not let it be read:";
    UNASKED = "Not answered yet:";
    ODD = "not what was expected";
    DEVICE = "Device";
    OS = "Windows";
    HARDWARE = "Hardware";
    STORAGE = "Storage";
    BATTERY = "Battery";
    NETWORK = "Network";
    SECURITY = "Security";
    BITLOCKER = "BitLocker";
    DEFENDER = "Defender";
    FIREWALL = "Firewall";
    HELLO = "Windows Hello";
    UPDATE = "Updates";
    APPS = "Apps";
    CERTIFICATES = "Certificates";
    ACCOUNTS = "Accounts";
    CLIENT = "Management client";
    USER = "User";
}
