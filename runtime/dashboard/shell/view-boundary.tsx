/**
 * Keeps a fault of one view from taking the page with it.
 */
import { Component, type ReactNode } from 'react';
import { Notice } from '../components/notice.tsx';

interface Props {
  readonly children: ReactNode;
}

/** Shows what went wrong in place of the view, with a way to try again. */
export class ViewBoundary extends Component<Props, { readonly fault?: string }> {
  override state: { readonly fault?: string } = {};

  static getDerivedStateFromError(error: unknown): { readonly fault: string } {
    return { fault: error instanceof Error ? error.message : String(error) };
  }

  override render(): ReactNode {
    if (this.state.fault === undefined) return this.props.children;
    return (
      <Notice
        kind="error"
        title="This view could not be shown"
        text={this.state.fault}
        action={{ label: 'Load the page again', run: () => window.location.reload() }}
      />
    );
  }
}
