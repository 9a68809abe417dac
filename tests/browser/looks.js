({
  // Text of which a part cannot be seen, and what hangs over its widget. Text with an ellipsis at its
  // end is fine where a title has all of it; so is what can be scrolled to.
  unseen() {
    const found = [];
    for (const root of document.querySelectorAll(".labkit")) {
      if (root.scrollWidth > root.clientWidth + 1) found.push(`${root.className} hangs over`);
      const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) {
        const text = texts.currentNode;
        const parent = text.parentElement;
        if (!text.textContent.trim() || getComputedStyle(parent).fontSize === "0px") continue;
        const isFolded = parent.closest("details:not([open])") && !parent.closest("summary");
        if (isFolded || parent.closest("[hidden], .lk-unseen")) continue;
        const range = document.createRange();
        range.selectNodeContents(text);
        const { left, right, top, bottom, width } = range.getBoundingClientRect();
        const name = `${root.className} ${parent.className || parent.tagName}: ${text.textContent}`;
        for (let around = width && parent; around; around = around !== root && around.parentElement) {
          const { overflowX, overflowY, textOverflow } = getComputedStyle(around);
          if ([overflowX, overflowY].some((way) => ["auto", "scroll"].includes(way))) break;
          if (overflowX === "visible" && around !== root) continue;
          const clip = around.getBoundingClientRect();
          const isCut = left < clip.left - 1 || right > clip.right + 1;
          const isTold = textOverflow === "ellipsis" && parent.closest("[title]");
          if (isCut && !isTold) found.push(`${name} is cut off`);
          if (top < clip.top - 2 || bottom > clip.bottom + 2) found.push(`${name} is too high`);
          if (isCut) break;
        }
      }
    }
    return [...new Set(found)];
  },

  // Pairs of these elements whose texts touch.
  collisions(selector) {
    const boxes = [...document.querySelectorAll(selector)].map((element) => {
      const range = document.createRange();
      range.selectNodeContents(element);
      return [element.textContent, range.getBoundingClientRect()];
    });
    const touch = (a, b) =>
      a.width && b.width && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    return boxes.flatMap(([text, box], at) =>
      boxes.slice(at + 1).flatMap(([other, its]) => (touch(box, its) ? [`${text} / ${other}`] : [])),
    );
  },

  // What was made of somebody's text, and must not be: elements, listeners, addresses.
  foreign(root) {
    const tags =
      "script,img,image,iframe,object,embed,body,select,video,audio,source,marquee,a,base,link,style," +
      "meta,plaintext,textarea,math,foreignObject,animate,x";
    const isForeign = (element) =>
      element.matches(tags) || element.getAttributeNames().some((name) => /^(on|href|src|action)/.test(name));
    const all = [...document.querySelectorAll(`${root} *`)];
    return all.filter(isForeign).map((element) => element.outerHTML.slice(0, 100));
  },

  // How many animations of widgets run.
  animated() {
    return document.getAnimations().filter(({ effect }) => effect.target.closest(".labkit")).length;
  },

  // With colours that the system forces: the colours of text, and what cannot be told from the ground.
  forced() {
    const style = (element, pseudo) => getComputedStyle(element, pseudo);
    const all = (selector) => [...document.querySelectorAll(`.labkit ${selector}`)];
    const root = style(document.querySelector(".labkit"));
    const ground = root.backgroundColor;
    const isSeen = (element, pseudo) => {
      const { backgroundColor, backgroundImage, borderTopColor, borderTopWidth } = style(element, pseudo);
      const hasBorder = borderTopWidth !== "0px" && borderTopColor !== ground;
      return backgroundColor !== ground || backgroundImage !== "none" || hasBorder;
    };
    const texts = all(":not(svg, path)").filter((e) => e.textContent && !e.closest(":disabled"));
    return {
      ink: root.color,
      inks: [...new Set(texts.map((element) => style(element).color))],
      hidden: [
        ...all(":is(.lk-piece, .lk-dot)").filter((element) => !isSeen(element)),
        ...all(".lk-tabs [aria-selected=true]").filter((element) => !isSeen(element, "::before")),
        ...all(".lk-shape").filter((element) => style(element).stroke === ground),
      ].map((element) => element.outerHTML.slice(0, 100)),
    };
  },
})
