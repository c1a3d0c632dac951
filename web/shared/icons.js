/** Drawings in the colour of the text around them; what they mean stands in words beside them. */
const paths = {
  phone:
    'M6.6 10.8a15 15 0 0 0 6.6 6.6l2.2-2.2a1 1 0 0 1 1-.24 11.4 11.4 0 0 0 3.6.57 1 1 0 0 1 1 1V20a1 1 0 0 1-1 1A17 17 0 0 1 3 4a1 1 0 0 1 1-1h3.5a1 1 0 0 1 1 1c0 1.25.2 2.45.57 3.6a1 1 0 0 1-.25 1z',
  video: 'M17 10.5V7a1 1 0 0 0-1-1H4a1 1 0 0 0-1 1v10a1 1 0 0 0 1 1h12a1 1 0 0 0 1-1v-3.5l4 4v-11z',
  microphone:
    'M12 14a3 3 0 0 0 3-3V5a3 3 0 0 0-6 0v6a3 3 0 0 0 3 3zm5.3-3a5.3 5.3 0 0 1-10.6 0H5a7 7 0 0 0 6 6.92V21h2v-3.08A7 7 0 0 0 19 11z',
  out: 'M9 5v2h6.6L4 18.6 5.4 20 17 8.4V15h2V5z',
  in: 'M20 5.4 18.6 4 7 15.6V9H5v10h10v-2H8.4z',
  device: 'M4 6h16v9H4zm-2 0v9c0 1.1.9 2 2 2h-3v2h22v-2h-3a2 2 0 0 0 2-2V6a2 2 0 0 0-2-2H4a2 2 0 0 0-2 2z',
  play: 'M8 5v14l11-7z',
  close: 'M6.4 5 5 6.4 10.6 12 5 17.6 6.4 19 12 13.4 17.6 19 19 17.6 13.4 12 19 6.4 17.6 5 12 10.6z',
  pause: 'M7 5h4v14H7zm6 0h4v14h-4z',
}

const namespace = 'http://www.w3.org/2000/svg'

/** @param {keyof typeof paths} name @param {string} [className] */
export function icon(name, className = 'icon') {
  const svg = document.createElementNS(namespace, 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('class', className)
  svg.setAttribute('aria-hidden', 'true')
  const path = document.createElementNS(namespace, 'path')
  path.setAttribute('d', paths[name])
  path.setAttribute('fill', 'currentColor')
  svg.append(path)
  return svg
}
