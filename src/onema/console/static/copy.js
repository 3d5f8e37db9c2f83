// Buttons that copy the text of an element. Without a script, or where the browser does not let pages write to the
// clipboard (a page that came over plain HTTP), there are none: the text can be marked by hand.
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("[data-copies]")) {
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
      button.textContent = button.dataset.done;
      setTimeout(() => { button.textContent = label; }, 2000);
    });
  }
}
