// Files that are dragged over the page. Without this, the browser would open them in place of it.

interface Handlers {
  over?: () => void;
  leave?: () => void;
  drop?: (files: Iterable<File>) => void;
}

/** Handles files, but not dragged text, until the returned function is called. */
export function onFiles(target: Document | Window, { over, leave, drop }: Handlers): () => void {
  const isOver = (event: DragEvent) => {
    // The document takes what the window would refuse.
    if (!hasFiles(event) || event.defaultPrevented || !event.dataTransfer) {
      return;
    }
    event.preventDefault();
    event.dataTransfer.dropEffect = drop ? 'copy' : 'none';
    over?.();
  };
  const isLeft = ({ relatedTarget }: DragEvent) => relatedTarget === null && leave?.();
  const isDropped = (event: DragEvent) => {
    if (hasFiles(event) && !event.defaultPrevented) {
      event.preventDefault();
      drop?.(event.dataTransfer?.files ?? []);
    }
  };
  const listeners: [string, EventListener][] = [['dragover', isOver as EventListener], ['dragleave', isLeft as EventListener], ['drop', isDropped as EventListener]];
  listeners.forEach(([type, listener]) => target.addEventListener(type, listener));
  return () => listeners.forEach(([type, listener]) => target.removeEventListener(type, listener));
}

function hasFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes('Files') ?? false;
}
