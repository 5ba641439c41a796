//! The pages of the catalogue of settings.

texts! {
    TITLE = "Catalogue";
    LEAD = "Every setting of Windows that this server knows: its address, what it takes, and which Windows has it.";
    WORDS = "Words of the address";
    WORDS_HINT = "camera allow";
    KNOWN_SETTINGS = "settings in";
    KNOWN_TREES = "trees, made of:";
    BEGIN = "Search for words of the address, such as";
    EXAMPLE = "bitlocker encryption";
    NOTHING = "No setting has these words in its address. Fewer words find more; what other vendors and templates add has to be imported first (transom csp import).";
    SETTING = "Setting";
    FORMAT = "Format";
    VERBS = "Verbs";
    TAKES = "Takes";
    WHAT_FOR = "What it is for";
    SCOPE = "Scope";
    OF_DEVICE = "the device";
    OF_USER = "the user";
    OF_BOTH = "the device or the user, as the address says";
    NOT_SAID = "not said";
    LIST = "List";
    LIST_WITH = "several values, with this between them:";
    DEFAULT = "Default";
    DEFAULT_NOTE = "as the description has it, which is often wrong";
    SINCE = "Since";
    NOT_RELEASED = "no released Windows has it";
    EDITIONS = "Editions";
    DEPRECATED = "Going away";
    YES = "yes";
    SINCE_BUILD = "since";
    REBOOT = "Restart";
    REBOOT_SELF = "the device restarts by itself";
    REBOOT_ORDERED = "works after a restart that the server orders";
    ATOMIC = "Atomic";
    ATOMIC_NOTE = "it is written together with all that belongs to it";
    WORKS_WHILE = "Works while";
    SOURCE = "Known from";
    BELOW = "Below it";
    IN_THE_CATALOGUE = "What is known of this setting";
    UNKNOWN = "This setting is not in the catalogue:";
}
