// Before the first paint: the theme that was chosen, and that scripts run.
(() => {
  const root = document.documentElement;
  root.classList.add("scripts");
  try {
    const theme = localStorage.getItem("lunette-theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // No storage: the system's theme it is.
  }
})();
