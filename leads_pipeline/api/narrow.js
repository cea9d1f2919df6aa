// A window as narrow as a phone gets Dagster's layout for phones, which Dagster itself gives to telephones alone. Pages that have
// none are for narrow.css.
(() => {
  const narrow = matchMedia("(max-width: 640px)").matches
  const layout = "dagster-layout-mode-session", description = "collapsible-section-Description"
  try {
    if (localStorage.getItem("preferDesktopSite") === "true") return
    if (!narrow) return sessionStorage.removeItem(layout)
    sessionStorage.setItem(layout, "mobile")
    // Where the charts are, for which an asset's page is opened.
    if (localStorage.getItem(description) === null) localStorage.setItem(description, "false")
  } catch {
    return // No storage, no layout for phones.
  }
  // On a telephone Dagster would show those pages 1280 pixels wide, at a third of their size.
  const keep = () => {
    const viewport = document.querySelector("meta[name=viewport]")
    if (viewport && !viewport.content.startsWith("width=device-width")) viewport.content = "width=device-width, initial-scale=1"
  }
  new MutationObserver(keep).observe(document.head, { subtree: true, childList: true, attributeFilter: ["content"] })
})()
