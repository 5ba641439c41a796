// What pages can do better with a script; everything works without it. Never writes markup: text only.
(() => {
  "use strict";

  const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

  // The reader's own time, with UTC on hover.
  const times = (root) => {
    for (const time of root.querySelectorAll("time[datetime]:not([data-utc])")) {
      const moment = new Date(time.dateTime);
      if (Number.isNaN(moment.getTime())) continue;
      time.dataset.utc = time.textContent;
      time.title = time.textContent;
      time.textContent = local.format(moment);
    }
  };

  // A button beside what is worth copying.
  const copies = (root) => {
    for (const source of root.querySelectorAll("[data-copy]:not([data-copies])")) {
      source.dataset.copies = "";
      if (!navigator.clipboard) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet small";
      button.textContent = "Copy";
      button.setAttribute("aria-label", `Copy ${source.dataset.copy}`);
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = "Copied";
      });
      source.after(" ", button);
    }
  };

  // Rows that were open, or have the focus, stay so when a live session fills in.
  let opened = new Set();
  let focused = "";
  document.addEventListener("htmx:beforeSwap", () => {
    opened = new Set([...document.querySelectorAll(".rows details[open]")].map((row) => row.parentElement.id));
    focused = document.activeElement?.closest(".rows > li")?.id ?? "";
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    for (const id of opened) {
      const row = document.getElementById(id)?.querySelector("details");
      if (row) row.open = true;
    }
    if (focused) document.getElementById(focused)?.querySelector("summary")?.focus({ preventScroll: true });
    better(event.target);
  });

  // A row that an address points at is opened.
  const unfold = () => {
    if (!location.hash) return;
    const row = document.getElementById(decodeURIComponent(location.hash.slice(1)))?.querySelector("details");
    if (row) row.open = true;
  };
  addEventListener("hashchange", unfold);

  // The menu closes when somebody goes elsewhere: by Escape, a click, or the keyboard.
  const menu = document.querySelector(".menu");
  const leave = (event) => { if (menu?.open && !menu.contains(event.target)) menu.open = false; };
  addEventListener("click", leave);
  addEventListener("focusin", leave);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu?.open) { menu.open = false; menu.querySelector("summary").focus(); }
  });

  // "/" goes to the search, "j" and "k" to the next and the last row.
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    if (event.key === "/") {
      const search = document.querySelector("[data-key='/']");
      if (search) { event.preventDefault(); search.focus(); }
    } else if (event.key === "j" || event.key === "k") {
      const rows = [...document.querySelectorAll(".rows summary")];
      const here = rows.indexOf(document.activeElement);
      const next = rows[event.key === "j" ? here + 1 : Math.max(here - 1, 0)];
      if (next) { next.focus(); next.scrollIntoView({ block: "nearest" }); }
    }
  });

  const better = (root) => { times(root); copies(root); };
  better(document);
  unfold();
})();
