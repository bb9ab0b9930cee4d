/**
 * Starts the page.
 */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './styles/tokens.css';
import './styles/base.css';
import './styles/components.css';
import './styles/shell.css';
import { App } from './app.tsx';

const root = document.getElementById('root');
if (root === null) throw new Error('expected an element #root in index.html, found none');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
